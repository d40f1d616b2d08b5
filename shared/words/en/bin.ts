/** Datasets and models that were deleted and can be brought back. */
export const bin = {
  title: 'Bin',
  holds_one: '{{count}} deleted, {{bytes}}',
  holds_other: '{{count}} deleted, {{bytes}}',
  about: 'What was deleted lies here until the bin is emptied. Its name is free meanwhile; its place on the disk is not.',
  facts: '{{bytes}}, deleted {{when}}',
  deleted: 'Deleted “{{name}}”. It lies in the bin.',
  restore: 'Bring back',
  restoreOne: 'Bring back {{name}}',
  forGood: '{{what}} for good',
  everything: 'everything in the bin',
  empty: 'Empty the bin',
  emptyConsequence_one: '{{count}} item is gone for good, with its files: about {{bytes}}. What a run that is not finished needs stays.',
  emptyConsequence_other:
    '{{count}} items are gone for good, with their files: about {{bytes}}. What a run that is not finished needs stays.',
  kept: 'Still here, for a run that is not finished needs it: {{names}}.',
} as const;
