import { Command } from 'commander';
import type { PartRequest } from '../../../shared/contract/suites.ts';
import { type PartFlags, partOf, withPartOptions } from '../part-options.ts';
import { command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';
import { describeChanges, describeSuite, describeSuites, describeTable, showsScoring } from '../suite-display.ts';

interface Sources {
  choices?: string[];
  answers?: string[];
  data?: string[];
  choicesData?: string[];
  answersData?: string[];
}

interface ChangeFlags {
  lost?: boolean;
  baseline?: string;
  limit: number;
}

/** `strata suite save | list | show | run | results | changes | rename | delete`. */
export function suiteCommand(): Command {
  const suite = new Command('suite').description('evaluation suites: what is measured of the base and of every run alike');
  suite.addCommand(
    withPartOptions(command('save', 'keep sets of questions and texts under a name; they are copied').argument('<name>'))
      .option('--choices <files...>', 'questions with choices')
      .option('--answers <files...>', 'questions to be answered in words')
      .option('--data <datasets...>', 'loss on held-out texts of datasets')
      .option('--choices-data <datasets...>', 'questions with choices of datasets')
      .option('--answers-data <datasets...>', 'held-out prompts with completions of datasets')
      .action((name: string, options: CommonOptions & PartFlags & Sources) =>
        withSession(options, async ({ studio, print }) => {
          const saved = await studio.suites.save({ name, parts: partsOf(options) });
          print(saved, () => describeSuite(saved));
        }),
      ),
  );
  suite.addCommand(
    command('list', 'all suites').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const suites = studio.suites.list();
        print(suites, () => describeSuites(suites));
      }),
    ),
  );
  suite.addCommand(
    command('show', 'parts of a suite')
      .argument('<suite>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const found = studio.suites.find(reference);
          print(found, () => describeSuite(found));
        }),
      ),
  );
  suite.addCommand(
    command('run', 'measure what is not known yet')
      .argument('<suite>', 'id or name')
      .argument('[models...]', 'models or runs, ids or names; every model of the workspace when there is none')
      .option('--again', 'measure also what is known')
      .option('--baseline <model>', 'what all are compared with (default: each with its own base)')
      .action((reference: string, models: string[], options: CommonOptions & { again?: boolean; baseline?: string }) =>
        withSession(options, async (session) => {
          const { onProgress, end } = showsScoring(session);
          const { suites } = session.studio;
          const request = { suite: reference, models, again: options.again ?? false };
          await suites.run({ ...request, ...(session.engine === undefined ? {} : { engine: session.engine }) }, onProgress).finally(end);
          const results = suites.results({ suite: reference, ...baselineOf(options) });
          session.print(results, () => describeTable(results));
        }),
      ),
  );
  suite.addCommand(
    command('results', 'what is known: models and runs by parts, compared item by item')
      .argument('<suite>', 'id or name')
      .argument('[models...]', 'only these models or runs')
      .option('--baseline <model>', 'what all are compared with (default: each with its own base)')
      .action((reference: string, models: string[], options: CommonOptions & { baseline?: string }) =>
        withSession(options, async ({ studio, print }) => {
          const only = models.length > 0 ? { models } : {};
          const results = studio.suites.results({ suite: reference, ...only, ...baselineOf(options) });
          print(results, () => describeTable(results));
        }),
      ),
  );
  suite.addCommand(
    command('changes', 'questions that a model gained or lost, with what both answered')
      .argument('<suite>', 'id or name')
      .argument('<part>', 'name of the part, or its hash')
      .argument('<model>', 'model or run: id or name')
      .option('--lost', 'those that were lost, not those that were gained')
      .option('--baseline <model>', 'what it is compared with (default: its own base)')
      .addOption(wholeNumber('--limit <n>', 'so many at most', 1, 500).default(50))
      .action((reference: string, part: string, model: string, options: CommonOptions & ChangeFlags) =>
        withSession(options, async ({ studio, print }) => {
          const change = options.lost ? 'lost' : 'gained';
          const request = { suite: reference, part, model, change, count: options.limit, ...baselineOf(options) } as const;
          const changes = await studio.suiteChanges.show(request);
          print(changes, () => describeChanges(changes, change));
        }),
      ),
  );
  suite.addCommand(
    command('rename', 'give a suite another name')
      .argument('<suite>', 'id or name')
      .argument('<name>')
      .action((reference: string, name: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const renamed = studio.suites.rename({ suite: reference, name });
          print(renamed, () => describeSuite(renamed));
        }),
      ),
  );
  suite.addCommand(
    command('delete', 'delete a suite, with its results')
      .argument('<suite>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.suites.remove({ suite: reference });
          print(removed, () => `Deleted ${removed.removed}.`);
        }),
      ),
  );
  return suite;
}

function baselineOf({ baseline }: { baseline?: string }): { baseline?: string } {
  return baseline === undefined ? {} : { baseline };
}

function partsOf(options: PartFlags & Sources): PartRequest[] {
  const files = (names: string[] = []): PartRequest['source'][] => names.map((file) => ({ file }));
  const datasets = (names: string[] = []): PartRequest['source'][] => names.map((dataset) => ({ dataset }));
  const parts = [
    ...[...files(options.choices), ...datasets(options.choicesData)].map((source) => partOf('choices', source, options)),
    ...[...files(options.answers), ...datasets(options.answersData)].map((source) => partOf('exact-match', source, options)),
    ...datasets(options.data).map((source) => partOf('text', source, options)),
  ];
  if (parts.length > 0) return parts;
  throw refuse(
    'A suite measures something.',
    'no part',
    'files with --choices or --answers, datasets with --data, --choices-data or --answers-data',
    'Name at least one.',
  );
}
