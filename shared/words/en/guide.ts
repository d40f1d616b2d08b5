/** The guide through a first run. */
export const guide = {
  title: 'First run',
  end: 'End the guide',
  begin: 'A sample project is here: a small model that knows English novels, and JavaScript for it to learn. A run takes a minute or two.',
  beginAction: 'Set the run up',
  train: 'Everything is chosen. Grey layers stay as they are, coloured ones are new and learn. Look around, then press “Expand and train”.',
  watch: 'It trains. Watch two lines: what it learns should fall, and what it knew should stay where it was.',
  watchAction: 'Watch it',
  resume:
    'Your first run stands still in the middle, and what it learned so far is kept. Press “Resume” on its page: it goes on as the same run.',
  resumeAction: 'Open the run',
  result: 'That is a whole run: what was gained, what was forgotten, what it cost. Try the model under Playground.',
  own: 'Your first run is done. Next, drop what is to be learnt, and a sample of what is to be kept.',
  ownAction: 'Now with your own files',
} as const;
