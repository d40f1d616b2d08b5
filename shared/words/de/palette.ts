import type { Catalogue } from '../words.ts';

export const palette: Catalogue['palette'] = {
  open: 'Suchen oder einen Befehl ausführen',
  title: 'Befehle',
  placeholder: 'Ein Befehl, oder der Name eines Laufs, Modells oder Datensatzes',
  nothing: 'Nichts dieses Namens.',
  doing: 'Tun',
  going: 'Gehen zu',
  runs: 'Läufe',
  models: 'Modelle',
  datasets: 'Datensätze',
  newRun: 'Erweitern und trainieren: einen neuen Lauf planen',
  importData: 'Daten importieren',
  addModel: 'Ein Modell hinzufügen',
  newSuite: 'Eine Testreihe anlegen',
  compareLatest: 'Die letzten Läufe vergleichen',
  light: 'Helles Design verwenden',
  dark: 'Dunkles Design verwenden',
  systemTheme: 'Das Design des Systems verwenden',
  speak: 'Sprache: {{language}}',
  askModel: '{{model}} ausprobieren',
  hint: 'wählen, {{enter}} öffnen, {{escape}} schließen',
};
