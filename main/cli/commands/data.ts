import { Command, Option } from 'commander';
import { allowedBy } from '../../../shared/allowed.ts';
import { type DatasetInfo, type DocumentTokens, selfReplayRequestSchema } from '../../../shared/contract/contract.ts';
import type { Rendering } from '../../../shared/domain/rendering.ts';
import { SELF_REPLAY_DEFAULTS } from '../../../shared/domain/self-replay.ts';
import { StrataError } from '../../../shared/errors.ts';
import { bytes, count, fields, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { anyNumber, command, type CommonOptions, nameOption, refuse, type Session, wholeNumber, withSession } from '../session.ts';
import { dataCheckCommands } from './data-checks.ts';

/** Lines of an import's file list that are shown; --json has all of them. */
const SHOWN_FILES = 20;
const PREVIEWED_DOCUMENTS = 2;
const SHOWN_TOKENS = 4000;

type ShowOptions = CommonOptions & Rendering & { document?: number; model?: string };

/** `strata data import | list | show | check | drop | distance | delete`. */
export function dataCommand(): Command {
  const data = new Command('data').description('import, look at, compare and delete datasets');
  data.addCommand(
    command('import', 'make one dataset of files, folders and archives: texts, documents, source code and tables')
      .argument('<paths...>')
      .addOption(nameOption())
      .action((paths: string[], options: CommonOptions & { name?: string }) =>
        withSession(options, async ({ studio, print, say }) => {
          const result = await studio.datasets.import({ paths, ...(options.name === undefined ? {} : { name: options.name }) });
          for (const file of result.files.filter(({ status }) => status !== 'imported').slice(0, SHOWN_FILES))
            say(`${file.status}: ${file.path}: ${file.reason}`);
          print(result, () => result.datasets.map(describe).join('\n'));
        }),
      ),
  );
  data.addCommand(
    command('self-replay', 'old data for whoever has none: text that a model writes by itself, labelled as that')
      .requiredOption('--model <model>', 'the base that is going to be trained: id or name')
      .addOption(wholeNumber('--tokens <n>', `about so many (default ${SELF_REPLAY_DEFAULTS.tokens})`, 1))
      .addOption(anyNumber('--temperature <x>', `of sampling (default ${SELF_REPLAY_DEFAULTS.temperature})`))
      .addOption(wholeNumber('--seed <n>', `of sampling (default ${SELF_REPLAY_DEFAULTS.seed})`, 0))
      .addOption(nameOption())
      .action((options: SelfReplayOptions) =>
        withSession(options, async (session) => {
          const dataset = await makeSelfReplay(session, options);
          session.print(dataset, () => describe(dataset));
        }),
      ),
  );
  data.addCommand(
    command('list', 'all datasets').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const datasets = studio.datasets.list();
        print(datasets, () =>
          datasets.length === 0
            ? `No datasets yet. Try: ${STRATA} data import PATH...`
            : table(
                ['id', 'name', 'documents', 'held out', 'text'],
                datasets.map((each) => [each.id, each.name, count(each.documents), count(each.heldOutDocuments), bytes(each.bytes)]),
              ),
        );
      }),
    ),
  );
  data.addCommand(
    command('show', 'one dataset and its first documents, or one document as a model reads it')
      .argument('<dataset>', 'id or name')
      .addOption(wholeNumber('--document <number>', 'a document, counted from 0; needs --model', 0))
      .option('--model <model>', 'id or name of the model that reads it')
      .addOption(new Option('--completions <how>', 'how prompts and completions are written').choices(['plain', 'chat']).default('plain'))
      .addOption(
        new Option('--learn <what>', 'what is learned of prompts and conversations').choices(['answers', 'all']).default('answers'),
      )
      .action((reference: string, options: ShowOptions) =>
        withSession(options, async ({ studio, print }) => {
          const { document, model, completions, learn } = options;
          if ((document === undefined) !== (model === undefined)) {
            throw new StrataError('BAD_INPUT', 'A document is shown as a model reads it: both are needed.', {
              found: document === undefined ? 'a model without --document' : 'a document without --model',
            });
          }
          if (document !== undefined && model !== undefined) {
            const request = { dataset: reference, document, model, rendering: { completions, learn }, count: SHOWN_TOKENS };
            const tokens = await studio.datasetTokens.of(request);
            print(tokens, () => describeTokens(tokens));
            return;
          }
          const shown = await studio.datasets.show({ dataset: reference, documents: PREVIEWED_DOCUMENTS });
          const documents = shown.preview.map(
            ({ text, heldOut, bytes: size }) => `--- ${heldOut ? 'held out' : 'training'}, ${bytes(size)}\n${text.slice(0, 400).trim()}`,
          );
          print(shown, () => [describe(shown), ...documents].join('\n'));
        }),
      ),
  );
  data.addCommand(
    command('delete', 'remove a dataset from the workspace, with its files')
      .argument('<dataset>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.datasets.remove({ dataset: reference });
          print(removed, () => `Deleted ${removed.removed}.`);
        }),
      ),
  );
  for (const each of dataCheckCommands()) data.addCommand(each);
  return data;
}

interface SelfReplayOptions extends CommonOptions {
  model: string;
  tokens?: number;
  temperature?: number;
  seed?: number;
  name?: string;
}

/** Samples and imports; the first Ctrl-C ends it with nothing kept. */
async function makeSelfReplay({ studio, say, interruptible }: Session, options: SelfReplayOptions): Promise<DatasetInfo> {
  const { model, tokens, temperature, seed, name, engine } = options;
  const asked: Record<string, unknown> = { model, tokens, temperature, seed, name, engine };
  const request = selfReplayRequestSchema.safeParse(asked);
  if (!request.success) {
    const issue = request.error.issues[0]!;
    const option = String(issue.path[0]);
    throw refuse(
      'Text cannot be sampled as asked.',
      `--${option} ${String(asked[option])}`,
      allowedBy(issue),
      `Leave --${option} out for its default.`,
    );
  }
  let shown = '';
  return interruptible((signal) =>
    studio.selfReplay.make(
      request.data,
      ({ activity, done, of }) => {
        const line = done > 0 ? `${activity}: ${Math.floor((100 * done) / of)} %` : activity;
        if (line !== shown) say(line);
        shown = line;
      },
      signal,
    ),
  );
}

function describe(dataset: DatasetInfo): string {
  return fields([
    ['Dataset', `${dataset.name} (${dataset.id})`],
    ['Documents', `${count(dataset.documents)}, ${count(dataset.heldOutDocuments)} of them held out`],
    ['Text', bytes(dataset.bytes)],
    ['From', dataset.source],
  ]);
}

/** What is learned and what is only read, each on a line of its own; line ends are written as \\n. */
function describeTokens({ document, heldOut, tokens, learnedTokens, pieces, note }: DocumentTokens): string {
  const lines: { learned: boolean; text: string }[] = [];
  for (const { text, learned } of pieces) {
    const last = lines.at(-1);
    if (last?.learned === learned) last.text += text;
    else lines.push({ learned, text });
  }
  const more = tokens > pieces.length ? [`(and ${count(tokens - pieces.length)} more tokens)`] : [];
  return [
    fields([
      ['Document', `${document} (${heldOut ? 'held out' : 'training'})`],
      ['Tokens', `${count(tokens)}, ${count(learnedTokens)} of them learned`],
    ]),
    ...(note === null ? [] : [note]),
    ...lines.map(({ learned, text }) => `${learned ? 'learned' : 'read   '} | ${text.replaceAll('\n', '\\n')}`),
    ...more,
  ].join('\n');
}
