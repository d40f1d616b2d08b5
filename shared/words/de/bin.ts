import type { Catalogue } from '../words.ts';

export const bin: Catalogue['bin'] = {
  title: 'Papierkorb',
  holds_one: '{{count}} gelöscht, {{bytes}}',
  holds_other: '{{count}} gelöscht, {{bytes}}',
  about: 'Gelöschtes liegt hier, bis der Papierkorb geleert wird. Sein Name ist solange frei, sein Platz auf der Festplatte nicht.',
  facts: '{{bytes}}, gelöscht {{when}}',
  deleted: '„{{name}}“ gelöscht. Es liegt im Papierkorb.',
  restore: 'Zurückholen',
  restoreOne: '{{name}} zurückholen',
  forGood: '{{what}} endgültig',
  everything: 'alles im Papierkorb',
  empty: 'Papierkorb leeren',
  emptyConsequence_one: '{{count}} Eintrag ist mit seinen Dateien endgültig weg: etwa {{bytes}}. Was ein unfertiger Lauf braucht, bleibt.',
  emptyConsequence_other:
    '{{count}} Einträge sind mit ihren Dateien endgültig weg: etwa {{bytes}}. Was ein unfertiger Lauf braucht, bleibt.',
  kept: 'Noch hier, weil ein unfertiger Lauf es braucht: {{names}}.',
};
