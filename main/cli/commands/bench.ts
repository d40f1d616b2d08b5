import { join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { type BenchReport, type BenchResult, runBench } from '../../bench/run-bench.ts';
import { WEIGHT_TYPES, type WeightType } from '../../bench/model-files.ts';
import { SHAPE_NAMES, type ShapeName } from '../../bench/shapes.ts';
import { SUITE_NAMES, type SuiteName, SUITES } from '../../bench/suites.ts';
import { runTokenizerBench, type TokenizerBenchReport } from '../../bench/tokenizer-bench.ts';
import { parseEngineName } from '../../studio/studio.ts';
import { bytes, table } from '../format.ts';
import { command, type CommonOptions, refuse, wholeNumber } from '../session.ts';

/** What is measured where nothing is named: the sweeps take longer than all of it. */
const DEFAULT_SUITES: readonly SuiteName[] = ['train-expand', 'train-cached', 'train-full', 'train-lora', 'eval', 'generate', 'load'];
const DEFAULT_SHAPES: readonly ShapeName[] = ['base', 'smollm2-135m'];

/** Measured apart: it needs no model and no engine. */
const TOKENIZER = 'tokenizer';
type BenchName = SuiteName | typeof TOKENIZER;

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
    .action((names: BenchName[], options: BenchOptions) =>
      names.includes(TOKENIZER) ? benchTokenizer(names, options) : bench(names as SuiteName[], options),
    );
}

async function benchTokenizer(names: readonly BenchName[], options: BenchOptions): Promise<void> {
  if (names.length > 1)
    throw refuse('The tokenizer is measured alone.', names.join(' '), TOKENIZER, 'Measure the others in a command of their own.');
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
  const name = oneOf<BenchName>(text, [...SUITE_NAMES, TOKENIZER], 'There is no benchmark of that name.');
  return [...new Set([...(before ?? []), name])];
}

function oneOf<Name extends string>(text: string, names: readonly Name[], message: string): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw refuse(message, text, names.join(', '), 'Choose one of these.');
  return found;
}

function suiteList(): string {
  const tokenizer = `${TOKENIZER} (text made into tokens, beside Hugging Face's tokenizers)`;
  return [...SUITE_NAMES.map((name) => `${name} (${SUITES[name]})`), tokenizer].join('; ');
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
