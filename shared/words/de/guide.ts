import type { Catalogue } from '../words.ts';

export const guide: Catalogue['guide'] = {
  title: 'Erster Lauf',
  end: 'Die Einführung beenden',
  begin:
    'Hier ist ein Beispielprojekt: ein kleines Modell, das englische Romane kennt, und JavaScript, das es lernen soll. Ein Lauf dauert ein bis zwei Minuten.',
  beginAction: 'Den Lauf einrichten',
  train:
    'Alles ist gewählt. Graue Schichten bleiben, wie sie sind, farbige sind neu und lernen. Sehen Sie sich um, und drücken Sie dann „Erweitern und trainieren“.',
  watch: 'Es trainiert. Achten Sie auf zwei Linien: was es lernt, soll fallen, und was es wusste, bleiben, wo es war.',
  watchAction: 'Zusehen',
  resume:
    'Ihr erster Lauf steht in der Mitte still; was er bisher gelernt hat, ist erhalten. Drücken Sie auf seiner Seite „Fortsetzen“: er geht als derselbe Lauf weiter.',
  resumeAction: 'Den Lauf öffnen',
  result: 'Das ist ein ganzer Lauf: was gelernt und was vergessen wurde und was es kostete. Fragen Sie das Modell unter „Ausprobieren“.',
  own: 'Ihr erster Lauf ist fertig. Legen Sie als Nächstes ab, was zu lernen ist, und eine Probe dessen, was bleiben soll.',
  ownAction: 'Jetzt mit eigenen Dateien',
};
