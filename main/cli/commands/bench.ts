import { join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import {
  COMPARISONS_OF_ROUND,
  type ComparisonBenchReport,
  type HistoryCalls,
  runComparisonBench,
  SHOWN_POINTS,
} from '../../bench/comparison-bench.ts';
import { type DatasetBenchRow, runDatasetBench } from '../../bench/dataset-bench.ts';
import { type ImportBenchReport, runImportBench } from '../../bench/import-bench.ts';
import { type BenchReport, type BenchResult, runBench } from '../../bench/run-bench.ts';
import { WEIGHT_TYPES, type WeightType } from '../../bench/model-files.ts';
import { SHAPE_NAMES, type ShapeName } from '../../bench/shapes.ts';
import { SUITE_NAMES, type SuiteName, SUITES } from '../../bench/suites.ts';
import { runTokenizerBench, type TokenizerBenchReport } from '../../bench/tokenizer-bench.ts';
import { runQuerySchema } from '../../../shared/contract/comparison.ts';
import { openStudio, parseEngineName } from '../../studio/studio.ts';
import { ProcessExecutor } from '../../training/process-executor.ts';
import { bytes, table } from '../format.ts';
import { command, type CommonOptions, refuse, VERSION, wholeNumber } from '../session.ts';

/** What is measured where nothing is named: the sweeps take longer than all of it. */
const DEFAULT_SUITES: readonly SuiteName[] = ['train-expand', 'train-cached', 'train-full', 'train-lora', 'eval', 'generate', 'load'];
const DEFAULT_SHAPES: readonly ShapeName[] = ['base', 'smollm2-135m'];

/** Measured apart: they need no model and no engine. */
const TOKENIZER = 'tokenizer';
const IMPORT = 'import';
const DATASETS = 'datasets';
const COMPARISON = 'comparison';
const MEASURE_APART = 'Measure the others in a command of their own.';
type BenchName = SuiteName | typeof TOKENIZER | typeof IMPORT | typeof DATASETS | typeof COMPARISON;

type BenchOptions = CommonOptions & {
  shape?: ShapeName;
  rounds: number;
  steps: number;
  weights: WeightType;
  threads?: number;
  batch?: number;
  context?: number;
  python?: string;
  out?: string;
};

/** `strata bench`: speed and memory, beside PyTorch where it is installed. */
export function benchCommand(): Command {
  return command('bench', 'speed and memory of training, evaluation and generation, beside PyTorch where it is installed')
    .addArgument(new Argument('[names...]', `what to measure: ${suiteList()}`).argParser(parseSuites))
    .addOption(
      new Option('--shape <name>', `model to measure with (default ${DEFAULT_SHAPES.join(' and ')}): ${SHAPE_NAMES.join(', ')}`).argParser(
        (text) => oneOf(text, SHAPE_NAMES, 'There is no shape of that name.'),
      ),
    )
    .addOption(wholeNumber('--rounds <n>', 'times that both sides are measured, in turn', 1).default(5))
    .addOption(wholeNumber('--steps <n>', 'counted steps of each round', 1).default(5))
    .addOption(wholeNumber('--threads <n>', 'of both sides (default as many as there are cores)', 1))
    .addOption(wholeNumber('--batch <n>', 'windows of a step (default what suits the shape)', 1))
    .addOption(wholeNumber('--context <n>', 'tokens of a window (default what suits the shape)', 2))
    .addOption(
      new Option('--weights <type>', `how the weights lie on disk: ${WEIGHT_TYPES.join(', ')}`)
        .argParser((text) => oneOf(text, WEIGHT_TYPES, 'Weights are not written in that type.'))
        .default('bfloat16'),
    )
    .option('--python <path>', 'a Python with torch, transformers and peft (default STRATA_PYTHON, else what "npm run parity" has set up)')
    .option('--out <file>', 'also write the report there, as JSON')
    .action((names: BenchName[], options: BenchOptions) => measure(names, options));
}

function measure(names: BenchName[], options: BenchOptions): Promise<void> {
  if (names.includes(TOKENIZER)) return benchTokenizer(names, options);
  if (names.includes(IMPORT)) return benchImport(names, options);
  if (names.includes(COMPARISON)) return benchComparison(names, options);
  if (names.includes(DATASETS)) return benchDatasets(names, options);
  return bench(names as SuiteName[], options);
}

async function benchTokenizer(names: readonly BenchName[], options: BenchOptions): Promise<void> {
  if (names.length > 1) throw refuse('The tokenizer is measured alone.', names.join(' '), TOKENIZER, MEASURE_APART);
  const { rounds, threads, python, json: isJson = false } = options;
  const report = await runTokenizerBench(
    {
      rounds,
      resources: join(import.meta.dirname, '../../../resources'),
      ...(threads === undefined ? {} : { threads }),
      ...(python === undefined ? {} : { python }),
    },
    (line) => void (isJson ? process.stderr : process.stdout).write(`${line}\n`),
  );
  process.stdout.write(`${isJson ? JSON.stringify(report) : describeTokenizer(report)}\n`);
}

/** Megabytes of text that are imported. */
const IMPORTED_MEGABYTES = 64;

async function benchImport(names: readonly BenchName[], options: BenchOptions): Promise<void> {
  if (names.length > 1) throw refuse('The import is measured alone.', names.join(' '), IMPORT, MEASURE_APART);
  const { rounds, python, json: isJson = false } = options;
  const root = join(import.meta.dirname, '../../..');
  const report = await runImportBench(
    {
      ...{ rounds, resources: join(root, 'resources'), corpus: join(root, 'node_modules'), megabytes: IMPORTED_MEGABYTES },
      ...(python === undefined ? {} : { python }),
    },
    (line) => void (isJson ? process.stderr : process.stdout).write(`${line}\n`),
  );
  process.stdout.write(`${isJson ? JSON.stringify(report) : describeImport(report)}\n`);
}

function describeImport({ rows, megabytes, documents, speedRatio, memoryRatio, peerVersions, peerMissing }: ImportBenchReport): string {
  const cells = rows.map(({ how, speed: rate, seconds, peakMemory }) => [
    how,
    `${rate.toFixed(1)} MB/s`,
    `${seconds.toFixed(2)} s`,
    peakMemory === null ? '-' : bytes(peakMemory),
  ]);
  const note =
    peerMissing === null
      ? `Strata by the faster way of datasets: ${ratio(speedRatio)} the speed, ${ratio(memoryRatio)} the memory (${peerVersions}).`
      : `datasets was not measured (${peerMissing}).`;
  const corpus = `${megabytes.toFixed(1)} MB in ${documents} documents, from JSON Lines to tokens on disk.`;
  return `\n${table(['import', 'speed', 'time', 'memory'], cells)}\n\n${corpus} ${note}`;
}

const HISTORY = { runs: 1000, points: 10_000, compared: 50, documents: 300 };

async function benchComparison(names: readonly BenchName[], { rounds, python, json: isJson = false }: BenchOptions): Promise<void> {
  if (names.length > 1) throw refuse('The history is measured alone.', names.join(' '), COMPARISON, MEASURE_APART);
  const mostRounds = HISTORY.runs / HISTORY.compared / COMPARISONS_OF_ROUND;
  if (rounds > mostRounds) {
    throw refuse(
      'Every round compares other runs, and there are not so many.',
      String(rounds),
      `up to ${mostRounds}`,
      'Leave --rounds out.',
    );
  }
  const report = await runComparisonBench(
    { ...HISTORY, rounds, ...(python === undefined ? {} : { python }) },
    openHistory,
    (line) => void process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${isJson ? JSON.stringify(report) : describeHistory(report)}\n`);
}

/** What the pages of the history and of a comparison ask for, in the form in which it is sent to them. */
async function openHistory(home: string): Promise<HistoryCalls> {
  const studio = openStudio({
    home,
    executor: new ProcessExecutor(),
    resources: join(import.meta.dirname, '../../../resources'),
    version: VERSION,
  });
  const query = runQuerySchema.parse({ count: 1000 });
  return {
    list: async () => JSON.stringify(studio.history.search(query)),
    compare: async (runs, baseline) => {
      const curves = studio.comparison.curves({ runs, series: ['loss.new', 'loss.old'], axis: 'step', points: SHOWN_POINTS });
      return JSON.stringify([await studio.comparison.compare({ runs, baseline }), curves]);
    },
    close: () => studio.close(),
  };
}

function describeHistory({ runs, points, compared, documents, rows, peers }: ComparisonBenchReport): string {
  const milliseconds = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} ms`);
  const what = {
    list: `a list of ${runs} runs`,
    compare: `a comparison of ${compared}, all points`,
    verdicts: `the same, and verdicts on ${compared - 1} against a baseline`,
  };
  const cells = rows.map((row) => [what[row.what], milliseconds(row.ours), milliseconds(row.mlflow), milliseconds(row.trackio)]);
  return [
    table(['to open', 'Strata', 'MLflow', 'trackio'], cells),
    '',
    `${runs} runs of ${points} points each, ${documents} held-out documents of new and of old text. MLflow ${peers.mlflow}; trackio ${peers.trackio}.`,
  ].join('\n');
}

const LARGE_GIGABYTES = 2;

async function benchDatasets(names: readonly BenchName[], { json: isJson = false }: BenchOptions): Promise<void> {
  if (names.length > 1) throw refuse('What grows with data is measured alone.', names.join(' '), DATASETS, MEASURE_APART);
  const corpus = join(import.meta.dirname, '../../../node_modules');
  const rows = await runDatasetBench({ corpus, gigabytes: LARGE_GIGABYTES }, (line) => void process.stderr.write(`${line}\n`));
  process.stdout.write(`${isJson ? JSON.stringify(rows) : describeDatasets(rows)}\n`);
}

function describeDatasets(rows: readonly DatasetBenchRow[]): string {
  const shown = (value: number, unit: DatasetBenchRow['unit']): string =>
    unit === 'bytes' ? bytes(value) : `${value.toFixed(unit === 'tokens/s' ? 0 : 1)} ${unit}`;
  const cells = rows.map(({ what, value, unit, limit }) => [
    what,
    value === null ? '-' : shown(value, unit),
    limit === null ? '' : shown(limit, unit),
  ]);
  return `\n${table(['datasets', 'measured', 'at most'], cells)}`;
}

function describeTokenizer({ rows, megabytes, threads, peerVersion, peerMissing }: TokenizerBenchReport): string {
  const cells = rows.map(({ how, ours, peer, ratio: speedRatio }) => [
    how,
    `${ours.toFixed(1)} MB/s`,
    ...(peer === null ? [] : [`${peer.toFixed(1)} MB/s`, ratio(speedRatio)]),
  ]);
  const headings = ['tokenizer', 'Strata', ...(peerVersion === null ? [] : [`tokenizers ${peerVersion}`, 'speed'])];
  const note = peerMissing === null ? '' : ` tokenizers was not measured (${peerMissing}).`;
  return `\n${table(headings, cells)}\n\n${megabytes.toFixed(1)} MB of the samples, ${threads} threads.${note}`;
}

async function bench(names: readonly SuiteName[], options: BenchOptions): Promise<void> {
  const { shape, rounds, steps, weights, threads, batch, context, python, out, engine = 'auto', json: isJson = false } = options;
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  try {
    const report = await runBench(
      {
        suites: names.length > 0 ? names : DEFAULT_SUITES,
        shapes: shape === undefined ? DEFAULT_SHAPES : [shape],
        rounds,
        steps,
        weights,
        engine: parseEngineName(engine),
        resources: join(import.meta.dirname, '../../../resources'),
        ...(threads === undefined ? {} : { threads }),
        ...(batch === undefined ? {} : { batch }),
        ...(context === undefined ? {} : { context }),
        ...(python === undefined ? {} : { python }),
        ...(out === undefined ? {} : { out }),
      },
      (line) => void (isJson ? process.stderr : process.stdout).write(`${line}\n`),
      interrupted.signal,
    );
    process.stdout.write(`${isJson ? JSON.stringify(report) : describe(report)}\n`);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

/** Commander hands the arguments over one by one, each with what the ones before gave. */
function parseSuites(text: string, before: BenchName[] | undefined): BenchName[] {
  const name = oneOf<BenchName>(text, [...SUITE_NAMES, TOKENIZER, IMPORT, DATASETS, COMPARISON], 'There is no benchmark of that name.');
  return [...new Set([...(before ?? []), name])];
}

function oneOf<Name extends string>(text: string, names: readonly Name[], message: string): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw refuse(message, text, names.join(', '), 'Choose one of these.');
  return found;
}

function suiteList(): string {
  const tokenizer = `${TOKENIZER} (text made into tokens, beside Hugging Face's tokenizers)`;
  const imported = `${IMPORT} (files of text made into a dataset and its tokens, beside Hugging Face's datasets and tokenizers)`;
  return [
    ...SUITE_NAMES.map((name) => `${name} (${SUITES[name]})`),
    tokenizer,
    imported,
    `${COMPARISON} (opening a thousand runs and a comparison of fifty, beside MLflow and trackio)`,
    `${DATASETS} (what must not grow with the data: memory of the import, lists, previews, the reading of windows)`,
  ].join('; ');
}

function describe({ results, pytorch: peer, pytorchMissing }: BenchReport): string {
  const headings = ['suite', 'shape', 'blocks', 'new', 'windows', 'Strata', ...(peer ? ['PyTorch', 'speed'] : []), 'memory'];
  const rows = results.map((each) => [
    each.suite,
    each.shape,
    String(each.blocks),
    String(each.inserted),
    each.copy ? '-' : `${each.batch} x ${each.context}`,
    speed(each.ours),
    ...(peer ? [each.peer ? speed(each.peer) : '-', ratio(each.speedRatio)] : []),
    bytes(each.ours.peakMemory),
    ...(peer ? [each.peer ? bytes(each.peer.peakMemory) : '-', ratio(each.memoryRatio)] : []),
  ]);
  const notes = peer
    ? [
        "speed: PyTorch's time by ours; memory: our peak by PyTorch's. Medians of rounds that were measured in turn.",
        ...disagreements(results),
      ]
    : [`PyTorch was not measured (${pytorchMissing}). "npm run parity" sets it up; --python names one.`];
  notes.push(...results.flatMap(describeCopy));
  return `\n${table(peer ? [...headings, 'PyTorch', 'ratio'] : headings, rows)}\n\n${notes.join('\n')}`;
}

function describeCopy({ suite, shape, inserted, copy, copyRatio }: BenchResult): string[] {
  if (!copy || copyRatio === null) return [];
  const what = inserted > 0 ? `${suite} with ${inserted} inserted blocks` : suite;
  return [
    `${what} on ${shape}: ${bytes(copy.bytes)} at ${copyRatio.toFixed(2)} of the speed of cp, which takes ${copy.seconds.toFixed(2)} s.`,
  ];
}

function speed({ tokensPerSecond, seconds }: BenchResult['ours']): string {
  return tokensPerSecond === null ? `${seconds.toFixed(2)} s` : `${tokensPerSecond.toFixed(1)} tok/s`;
}

function ratio(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(2)} x`;
}

/** Losses of the same windows: beyond this the two sides do not do the same work. */
const LARGEST_LOSS_DIFFERENCE = 1e-2;

function disagreements(results: readonly BenchResult[]): string[] {
  return results
    .filter(({ lossDifference }) => lossDifference !== null && !(lossDifference <= LARGEST_LOSS_DIFFERENCE))
    .map(({ suite, shape, lossDifference }) => `${suite} on ${shape}: the losses differ by ${lossDifference}, so these figures are void.`);
}
