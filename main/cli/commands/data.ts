import { Command, Option } from 'commander';
import { allowedBy } from '../../../shared/allowed.ts';
import {
  type DatasetInfo,
  type DatasetSampleRequest,
  datasetSampleRequestSchema,
  type DocumentTokens,
  type ListedDocument,
  selfReplayRequestSchema,
} from '../../../shared/contract/datasets.ts';
import type { Rendering } from '../../../shared/domain/rendering.ts';
import { DATASET_PARTS, type DatasetPart } from '../../../shared/domain/split.ts';
import { SELF_REPLAY_DEFAULTS } from '../../../shared/domain/self-replay.ts';
import { StrataError } from '../../../shared/errors.ts';
import { describeDataset, describeDetails, describeDocument } from '../dataset-display.ts';
import { bytes, count, fields, table } from '../format.ts';
import { renderingOptions } from '../rendering-options.ts';
import { STRATA } from '../report.ts';
import { anyNumber, command, type CommonOptions, nameOption, refuse, type Session, wholeNumber, withSession } from '../session.ts';
import { dataCheckCommands } from './data-checks.ts';
import { dataImportCommands } from './data-imports.ts';
import { describeBin, itemBinCommands } from './item-bin.ts';

/** Of each part. */
const PREVIEWED_DOCUMENTS = 1;
const FOUND_DOCUMENTS = 20;
const SHOWN_TOKENS = 4000;

type SearchOptions = CommonOptions & { limit?: number; from?: number; part: DatasetPart };
type ShowOptions = CommonOptions & Rendering & { document?: number; model?: string };

/** `strata data ...`: imports, looking at datasets, comparing and deleting them. */
export function dataCommand(): Command {
  const [completions, learn] = renderingOptions();
  const data = new Command('data').description('import, look at, compare and delete datasets');
  for (const each of dataImportCommands()) data.addCommand(each);
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
          session.print(dataset, () => describeDataset(dataset));
        }),
      ),
  );
  data.addCommand(
    command('list', 'all datasets; those that were deleted are left out')
      .option('--deleted', 'those in the bin')
      .action(({ deleted, ...options }: CommonOptions & { deleted?: boolean }) =>
        withSession(options, async ({ studio, print }) => {
          if (deleted) {
            const binned = studio.datasets.bin.list();
            return print(binned, () => describeBin(binned));
          }
          const datasets = studio.datasets.list();
          print(datasets, () =>
            datasets.length === 0
              ? `No datasets yet. Try: ${STRATA} data import PATH...`
              : table(
                  ['id', 'name', 'documents', 'held out', 'text', 'kinds', 'language'],
                  datasets.map((each) => [
                    each.id,
                    each.name,
                    count(each.documents),
                    count(each.heldOutDocuments),
                    bytes(each.bytes),
                    Object.keys(each.kinds).join(', '),
                    each.languages[0]?.language ?? '',
                  ]),
                ),
          );
        }),
      ),
  );
  data.addCommand(
    command('show', 'one dataset, how it was cleaned, and some documents; or one document as a model reads it')
      .argument('<dataset>', 'id or name')
      .addOption(wholeNumber('--document <number>', 'a document, counted from 0, as a model reads it; needs --model', 0))
      .option('--model <model>', 'how many tokens a model reads; id or name')
      .addOption(completions)
      .addOption(learn)
      .action((reference: string, options: ShowOptions) =>
        withSession(options, async ({ studio, print }) => {
          const { document, model, completions, learn } = options;
          if (document !== undefined) {
            if (model === undefined) {
              throw new StrataError('BAD_INPUT', 'A document is shown as a model reads it: both are needed.', {
                found: 'a document without --model',
                allowed: '--document with --model, or --model alone for the number of tokens',
                hint: 'Name the model, or leave --document out.',
              });
            }
            const request = { dataset: reference, document, model, rendering: { completions, learn }, count: SHOWN_TOKENS };
            const tokens = await studio.datasetTokens.of(request);
            print(tokens, () => describeTokens(tokens));
            return;
          }
          const shown = await studio.datasets.show({ dataset: reference });
          const preview: ListedDocument[] = [];
          for (const part of ['train', 'heldOut'] as const) {
            const request = { dataset: shown.id, part, from: 0, count: PREVIEWED_DOCUMENTS };
            preview.push(...(await studio.datasetDocuments.range(request)).documents);
          }
          const tokens = model === undefined ? null : await studio.datasetTokens.count({ dataset: shown.id, model });
          print({ ...shown, preview, ...(tokens ? { tokens } : {}) }, () => describeDetails(shown, preview, tokens));
        }),
      ),
  );
  data.addCommand(
    command('search', 'documents of a dataset that hold a text, upper and lower case alike')
      .argument('<dataset>', 'id or name')
      .argument('<text>')
      .addOption(wholeNumber('--limit <n>', `so many (default ${FOUND_DOCUMENTS})`, 1, 100))
      .addOption(wholeNumber('--from <number>', 'the document to begin with, counted from 0', 0))
      .addOption(new Option('--part <part>', 'which documents').choices(DATASET_PARTS).default('all'))
      .action((dataset: string, query: string, options: SearchOptions) =>
        withSession(options, async ({ studio, print }) => {
          const { limit = FOUND_DOCUMENTS, part } = options;
          const found: ListedDocument[] = [];
          let next: number | null = options.from ?? 0;
          while (next !== null && found.length < limit) {
            const request = { dataset, query, part, from: next, limit: limit - found.length };
            const page: { documents: ListedDocument[]; next: number | null } = await studio.datasetDocuments.search(request);
            found.push(...page.documents);
            next = page.next;
          }
          print({ documents: found, next }, () => {
            const more = next === null ? [] : [`There may be more: --from ${next}`];
            return found.length === 0 ? 'No document holds that.' : [...found.map(describeDocument), ...more].join('\n');
          });
        }),
      ),
  );
  data.addCommand(
    command('sample', 'a new dataset for replay: all held-out documents of another, and a seeded sample of the rest')
      .argument('<dataset>', 'id or name')
      .addOption(wholeNumber('--tokens <n>', 'about so many, of four bytes or of the model named', 1))
      .addOption(wholeNumber('--documents <n>', 'so many training documents', 1))
      .addOption(anyNumber('--share <x>', 'such a part of its training text, between 0 and 1'))
      .option('--model <model>', 'whose tokens are counted; id or name')
      .addOption(wholeNumber('--seed <n>', 'which documents (default 1)', 0))
      .addOption(nameOption())
      .action((reference: string, options: SampleOptions) =>
        withSession(options, async ({ studio, print }) => {
          const dataset = await studio.datasetSamples.make(sampleRequestOf(reference, options));
          print(dataset, () => describeDataset(dataset));
        }),
      ),
  );
  for (const each of itemBinCommands({
    word: 'dataset',
    command: 'data',
    bin: ({ datasets }) => datasets.bin,
    remove: ({ datasets }, dataset) => datasets.remove({ dataset }),
    restore: ({ datasets }, dataset) => datasets.restore({ dataset }),
  })) {
    data.addCommand(each);
  }
  for (const each of dataCheckCommands()) data.addCommand(each);
  return data;
}

type SampleOptions = CommonOptions & {
  tokens?: number;
  documents?: number;
  share?: number;
  model?: string;
  seed?: number;
  name?: string;
};

function sampleRequestOf(dataset: string, { tokens, documents, share, model, seed, name }: SampleOptions): DatasetSampleRequest {
  const asked: Record<string, unknown> = { dataset, tokens, documents, share, model, seed, name };
  const request = datasetSampleRequestSchema.safeParse(asked);
  if (request.success) return request.data;
  const issue = request.error.issues[0]!;
  const option = String(issue.path[0]);
  throw refuse(
    'A sample cannot be drawn as asked.',
    `--${option} ${String(asked[option])}`,
    allowedBy(issue),
    'Give one of --tokens, --documents and --share.',
  );
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
