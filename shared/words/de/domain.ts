import type { Catalogue } from '../words.ts';

export const domain: Catalogue['domain'] = {
  expand: 'Erweitern',
  expandMeans:
    'Fügt neue Blöcke ein und trainiert nur sie: die Basis bleibt unverändert im Modell, und die neuen Blöcke lassen sich jederzeit wieder weglassen.',
  lora: 'LoRA',
  loraMeans:
    'Trainiert kleine Matrizen niedrigen Rangs neben den eingefrorenen und rechnet sie am Ende ein: das Modell behält seine Größe, und der Adapter wird auch für sich gespeichert.',
  full: 'Voll',
  fullMeans: 'Trainiert jedes Gewicht: es braucht den meisten Speicher, und nichts von der Basis bleibt, wie es war.',
  freeze: 'Einige Blöcke',
  freezeMeans:
    'Trainiert gewählte Blöcke der Basis selbst und friert den Rest ein: das Modell behält seine Größe, und diese Blöcke sind nicht mehr die der Basis.',
  expandAt: 'Erweitern, neue Blöcke an {{blocks}}',
  loraOn: 'LoRA, Rang {{rank}}, Alpha {{alpha}}, an {{where}}',
  loraEverywhere: 'LoRA, Rang {{rank}}, Alpha {{alpha}}, an allen linearen Schichten',
  fullEvery: 'Voll, jedes Gewicht',
  freezeBlocks: 'Einige Blöcke, trainiert: {{blocks}}',
  selfReplay: 'Selbstwiederholung: aus der Basis gezogen, keine echten alten Daten',
  weights: 'Gewichtung',
  weightsAre: '{{weighting}}: {{parts}}',
  weightsTempered: '{{weighting}}, Temperatur {{temperature}}: {{parts}}',
  partOfNew: '{{name}} {{share}} von Neu',
  partOfOld: '{{name}} {{share}} von Alt',
  bySize: 'nach Größe',
  bySqrt: 'nach Wurzel der Größe',
  equally: 'zu gleichen Teilen',
  byHand: 'von Hand',
  replayOverRun: 'Wiederholung über den Lauf',
  courseIs: '{{schedule}}: {{course}}',
  capOnRepeats: 'Grenze der Durchgänge',
  none: 'keine',
  throughout: 'durchgehend {{share}}',
  shareAt: '{{share}} bei {{at}}',
  copyOf: '{{position}} (Kopie von {{block}})',
  constantMeans: 'durchgehend derselbe Anteil',
  heavyStartMeans: 'die meisten alten Daten am Anfang, bis zur Mitte auf einen festen Anteil fallend',
  fallingMeans: 'vom doppelten Anteil geradlinig bis auf nichts',
  newEndMeans: 'ein fester Anteil, und im letzten Viertel bis auf nichts',
  ngramsPredict:
    'Je weiter über der Untergrenze, desto stärker die Verschiebung, und desto mehr Wiederholung brauchte es in veröffentlichten Läufen, um den alten Verlust zu halten.',
  ngramsDoNot:
    'Es ist keine Vorhersage des Vergessens: bei mittlerem Abstand kann am meisten vergessen werden, und auch sehr ähnliche Daten können den alten Verlust verschlechtern.',
  vocabularyPredicts:
    'Ein kleiner Anteil gemeinsamer Wörter heißt: andere Sprache, anderes Thema oder anderer Ton; meist ist dann mehr zu lernen.',
  vocabularyDoesNot: 'Er sagt nichts darüber, wie Wörter zusammen gebraucht werden, und nichts darüber, wie viel vergessen wird.',
  lossGapPredicts:
    'Um wie viel schwerer der neue Text für dieses Modell ist: Raum zum Lernen, vergleichbar auch zwischen Modellen mit verschiedenen Tokenizern.',
  lossGapDoesNot:
    'Mancher Text ist für jedes Modell schwerer (Code, Tabellen, Namen); ein Unterschied ist also nicht nur Raum zum Lernen, und er sagt nicht, was vergessen wird.',
  nearestPredicts:
    'Wo Altes und Neues von denselben Dingen sprechen: die alten Dokumente, deren Vorhersagen sich am wahrscheinlichsten bewegen.',
  nearestDoNot:
    'Bewegen heißt nicht verschlechtern: messen Sie dort Abweichung und alten Verlust; und auch Dokumente fern von den neuen Daten können vergessen werden.',
  replayNear: 'Neue und alte Daten sind einander nah: {{measured}}. Für eine schwache Verschiebung genügten 5 % ({{source}}).',
  replayMiddle:
    'Neue und alte Daten haben mittleren Abstand: {{measured}}. {{percent}} % liegen zwischen den 5 % für eine schwache und den 25 % für eine starke Verschiebung ({{source}}).',
  replayFar:
    'Neue und alte Daten sind weit voneinander entfernt: {{measured}}. Für eine starke Verschiebung, etwa eine andere Sprache, waren 25 % nötig ({{source}}).',
  wordsDiffer:
    'ihre Wörter unterscheiden sich um {{divergence}} (0 gleich, 1 nichts gemeinsam), die zweier Hälften einer Seite um {{floor}}',
  replayUnmeasured:
    'Der Abstand zwischen neuen und alten Daten ist noch nicht gemessen; bis dahin 5 %, was für eine schwache Verschiebung genügte ({{source}}).',
  replayUnmeasurable:
    'Der Abstand zwischen neuen und alten Daten lässt sich nicht messen ({{reason}}), also 5 %, was für eine schwache Verschiebung genügte ({{source}}).',
  packOn: 'Paket {{names}} aufgesetzt',
  packsOn: 'Pakete {{names}} aufgesetzt',
  packAt: '{{name}} mit {{strength}}',
};
