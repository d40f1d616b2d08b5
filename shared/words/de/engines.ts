import type { Catalogue } from '../words.ts';

/** Rechenwerke, die geholt werden, wenn man sie braucht. */
export const engines: Catalogue['engines'] = {
  packs: 'Rechenwerke zum Nachladen',
  packsNote: 'Schnelleres Rechnen, das wegen seiner Größe nicht mit Strata kommt. Es wird geprüft, bevor etwas davon verwendet wird.',
  none: 'Für diesen Rechner gibt es nichts zum Nachladen.',
  size: '{{download}} zu holen, {{disk}} auf der Festplatte',
  sizeOnDisk: 'bis zu {{disk}} auf der Festplatte',
  licence: 'Lizenz: {{licence}}',
  accept: 'Ich habe die Lizenz gelesen und nehme sie an',
  fetch: 'Holen und einrichten',
  goOn: 'Weitermachen',
  fromFile: 'Aus einer Datei einrichten',
  stop: 'Anhalten',
  remove: 'Entfernen',
  installed: 'eingerichtet',
  stopped: 'angehalten',
  failed: 'fehlgeschlagen',
  progress: '{{title}}, wie weit es ist',
};
