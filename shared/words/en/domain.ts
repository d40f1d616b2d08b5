/** What methods, mixtures and measures are called, on the pages and on the command line alike. */
export const domain = {
  expand: 'Expand',
  expandMeans:
    'Inserts new blocks and trains only them: the base stays inside the model unchanged, and the new blocks can be left out again at any time.',
  lora: 'LoRA',
  loraMeans:
    'Trains small low-rank matrices beside the frozen ones and merges them at the end: the model keeps its size, and the adapter is also saved on its own.',
  full: 'Full',
  fullMeans: 'Trains every weight: it needs the most memory, and nothing of the base stays as it was.',
  freeze: 'Some blocks',
  freezeMeans:
    'Trains chosen blocks of the base itself and freezes the rest: the model keeps its size, and those blocks are no longer the base’s.',
  expandAt: 'expand, new blocks at {{blocks}}',
  loraOn: 'lora, rank {{rank}}, alpha {{alpha}}, on {{where}}',
  loraEverywhere: 'lora, rank {{rank}}, alpha {{alpha}}, on all linear layers',
  fullEvery: 'full, every weight',
  freezeBlocks: 'freeze, trained blocks {{blocks}}',
  selfReplay: 'self-replay: sampled from the base, not real old data',
  weights: 'Weights',
  weightsAre: '{{weighting}}: {{parts}}',
  weightsTempered: '{{weighting}}, temperature {{temperature}}: {{parts}}',
  partOfNew: '{{name}} {{share}} of new',
  partOfOld: '{{name}} {{share}} of old',
  bySize: 'size',
  bySqrt: 'sqrt',
  equally: 'equal',
  byHand: 'manual',
  replayOverRun: 'Replay over the run',
  courseIs: '{{schedule}}: {{course}}',
  capOnRepeats: 'Cap on repeats',
  none: 'none',
  throughout: '{{share}} throughout',
  shareAt: '{{share}} at {{at}}',
  copyOf: '{{position}} (copy of {{block}})',
  constantMeans: 'the same share throughout',
  heavyStartMeans: 'most old data at the start, down to a steady share half-way',
  fallingMeans: 'from twice the share in a straight line down to none',
  newEndMeans: 'a steady share, and in the last quarter down to none',
  ngramsPredict: 'The further above its floor, the stronger the shift, and the more replay it took in published runs to keep the old loss.',
  ngramsDoNot:
    'It is not a forecast of forgetting: data at a middle distance can forget most, and very similar data can still worsen the old loss.',
  vocabularyPredicts: 'A low share of common words means another language, subject or register; it tends to go with more to learn.',
  vocabularyDoesNot: 'It says nothing of how words are used together, and nothing of how much is forgotten.',
  lossGapPredicts: 'How much harder the new text is for this model: room to learn, comparable between models with different tokenizers.',
  lossGapDoesNot:
    'Some text is harder for every model (code, tables, names), so a gap is not all room to learn; and it does not say what is forgotten.',
  nearestPredicts: 'Where old and new speak of the same things: the old documents whose predictions are most likely to move.',
  nearestDoNot:
    'Moving is not worsening: measure drift and the old loss on them; and documents far from the new data can be forgotten too.',
  replayNear: 'New and old data are near: {{measured}}. 5 % was enough for a weak shift ({{source}}).',
  replayMiddle:
    'New and old data are at a middle distance: {{measured}}. {{percent}} % lies between the 5 % for a weak and the 25 % for a strong shift ({{source}}).',
  replayFar: 'New and old data are far apart: {{measured}}. 25 % was needed for a strong shift, such as another language ({{source}}).',
  wordsDiffer: 'their words differ by {{divergence}} (0 the same, 1 nothing in common), those of two halves of one side by {{floor}}',
  replayUnmeasured:
    'The distance between new and old data is not measured yet; until then 5 %, which was enough for a weak shift ({{source}}).',
  replayUnmeasurable:
    'The distance between new and old data cannot be measured ({{reason}}), so 5 %, which was enough for a weak shift ({{source}}).',
  packOn: 'pack {{names}} put on it',
  packsOn: 'packs {{names}} put on it',
  packAt: '{{name}} at {{strength}}',
} as const;
