import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { planMemory } from '../../shared/domain/memory.ts';
import { type Method, planOf, trainedConfig } from '../../shared/domain/method.ts';
import { StrataError } from '../../shared/errors.ts';
import { engineDirectory, readEngineManifest } from '../engine/engine-directory.ts';
import { engineEnvironment, type EngineName, threadEnvironment } from '../engine/load-engine.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { LastWords } from '../training/last-words.ts';
import { availableMemory } from '../training/process-memory.ts';
import { explainEnd } from '../training/trainer-end.ts';
import { findPeer, type Peer } from './find-python.ts';
import { benchAnswerSchema, type BenchJob, type Measurement, movesFiles } from './job.ts';
import { type WeightType, writeExpandedModel, writeRandomModel, writeTokenizer, writeWindows } from './model-files.ts';
import { shapeOf, type ShapeName } from './shapes.ts';
import { type BenchCase, casesOf, type SuiteName, type WindowSize } from './suites.ts';

const run = promisify(execFile);

export interface BenchRequest extends WindowSize {
  suites: readonly SuiteName[];
  shapes: readonly ShapeName[];
  /** Times that both sides are measured, in turn. */
  rounds: number;
  /** Counted steps of each round. */
  steps: number;
  weights: WeightType;
  threads?: number;
  /** `auto` is TensorFlow on the processor where it is set up, else wasm: PyTorch computes there, too. */
  engine: EngineName | 'auto';
  python?: string;
  /** A file that gets the report after every case. */
  out?: string;
  /** Folder of the embedded model. */
  resources: string;
}

/** What one side took: medians over the rounds. */
export interface Side {
  /** Of a step, in which a window is trained on, measured or continued; of a model that is loaded. */
  seconds: number;
  /** Tokens trained on, measured or produced; null for loading. */
  tokensPerSecond: number | null;
  /** Largest resident set of the process, bytes. */
  peakMemory: number;
  /** Each round's own median and peak. */
  rounds: { seconds: number; peakMemory: number }[];
}

export interface BenchResult {
  suite: SuiteName;
  shape: ShapeName;
  /** Of the model that computes, inserted ones included. */
  blocks: number;
  inserted: number;
  batch: number;
  context: number;
  ours: Side;
  peer: Side | null;
  /** Median over the rounds of PyTorch's time by ours, measured one after the other: above 1 Strata is faster. */
  speedRatio: number | null;
  /** Our peak by PyTorch's: below 1 Strata takes less. */
  memoryRatio: number | null;
  /** Where files are moved: seconds that `cp` takes for as many bytes, flushed to the disk, in the median; null elsewhere and without a `cp`. */
  copy: { bytes: number; seconds: number } | null;
  /** Median over the rounds of the time of `cp` by ours, measured one after the other: at 1 Strata is as fast. */
  copyRatio: number | null;
  /** Largest difference between the two sides' losses at the same step; far from 0 they do not compute the same. */
  lossDifference: number | null;
}

export interface BenchReport {
  startedAt: string;
  machine: { processor: string; cores: number; memory: number; platform: string };
  engine: { name: EngineName; version: string | null };
  threads: number;
  precision: 'float32';
  /** How the weights lie on disk: all values are of this type when training begins. */
  weights: WeightType;
  rounds: number;
  steps: number;
  pytorch: Peer | null;
  /** Why there is nothing to compare with, when there is not. */
  pytorchMissing: string | null;
  results: BenchResult[];
}

/** What the first steps do once (kernels chosen, graphs built, pages touched) is not what a run of thousands waits for. */
const WARM_UP_STEPS = 2;

/** As a run trains by default; the rate is constant. */
const OPTIMIZER = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };

/**
 * Measures every suite on every shape: Strata and PyTorch in processes of their own, one after the other, in changing order, on the same
 * weights and windows with the same number of threads.
 * @param say one line about what was just measured
 * @throws StrataError when the request cannot be done or a process fails
 */
export async function runBench(request: BenchRequest, say: (line: string) => void, signal?: AbortSignal): Promise<BenchReport> {
  const { suites, shapes, rounds, steps, weights, resources, out } = request;
  const measured = await Promise.all(shapes.map((name) => shapeOf(name, resources)));
  const cases = measured.flatMap((shape) => suites.flatMap((suite) => casesOf(suite, shape, request)));
  for (const each of cases) checkCase(each, weights);
  const engine = await chooseEngine(request.engine);
  const { peer, reason } = await findPeer(request.python);
  const report: BenchReport = {
    startedAt: new Date().toISOString(),
    machine: { processor: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), memory: totalmem(), platform: PLATFORM },
    engine,
    threads: request.threads ?? availableParallelism(),
    precision: 'float32',
    weights,
    rounds,
    steps,
    pytorch: peer,
    pytorchMissing: peer ? null : reason,
    results: [],
  };
  const save = async (): Promise<void> => {
    if (out !== undefined) await writeTextAtomically(out, `${JSON.stringify(report, null, 2)}\n`);
  };
  await save(); // a path that cannot be written to is found before an hour is spent
  say(`engine   ${engine.name} ${engine.version ?? ''}, ${report.threads} threads, 32-bit floats, weights of ${weights} on disk`);
  say(peer ? `PyTorch  ${peer.versions.torch} with transformers ${peer.versions.transformers}` : `PyTorch  not measured: ${reason}`);
  const scratch = await mkdtemp(join(tmpdir(), 'strata-bench-'));
  try {
    for (const each of cases) {
      report.results.push(await measureCase(each, report, scratch, say, signal));
      await save();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return report;
}

/** @throws StrataError BAD_INPUT for windows that the model or the machine's memory is too small for: found before an hour is spent. */
function checkCase({ suite, shape, task, method, config, batch, context }: BenchCase, weights: WeightType): void {
  if (movesFiles(task)) return; // nothing of a model is held
  if (context > config.contextLength) {
    throw new StrataError('BAD_INPUT', `The windows of ${suite} are longer than the model was made for.`, {
      found: `${context} tokens`,
      allowed: `2 to ${config.contextLength} tokens with the shape ${shape}`,
    });
  }
  // Where nothing is trained, no more is needed than where only the last block is.
  const trained: Method = method ?? { name: 'freeze', blocks: [config.blocks - 1] };
  const windows = task === 'evaluate' ? 1 : batch; // a batch that is measured goes through the model in parts
  const isCompact = weights === 'bfloat16';
  const { total, fits } = planMemory(
    { config, method: trained, batch: windows, microBatch: windows, context, isCompact, measuresDrift: false },
    availableMemory(),
  );
  if (fits) return;
  throw new StrataError('BAD_INPUT', `${suite} with the shape ${shape} needs more memory than this machine has.`, {
    found: `about ${(total / 1e9).toFixed(1)} GB for ${batch} windows of ${context} tokens`,
    allowed: `${(availableMemory() / 1e9).toFixed(1)} GB`,
    hint: 'Use a smaller --batch or --context.',
  });
}

const PLATFORM = `${process.platform}-${process.arch}`;

async function chooseEngine(wanted: EngineName | 'auto'): Promise<BenchReport['engine']> {
  const manifest = await readEngineManifest(engineDirectory(), wanted === 'tensorflow-gpu' ? 'gpu' : 'cpu');
  const name = wanted === 'auto' ? (manifest ? 'tensorflow-cpu' : 'wasm') : wanted;
  return { name, version: name.startsWith('tensorflow') ? (manifest?.tensorflowVersion ?? null) : null };
}

async function measureCase(
  each: BenchCase,
  { engine, threads, rounds, steps, weights, pytorch }: BenchReport,
  scratch: string,
  say: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<BenchResult> {
  const peer = each.method?.name === 'lora' && pytorch?.versions.peft === null ? null : pytorch;
  const job = await prepare(each, { engine: engine.name, threads, steps, weights }, scratch);
  const jobPath = join(scratch, 'job.json');
  await writeFile(jobPath, JSON.stringify(job));
  const environment = { ...(await engineEnvironment(engine.name, engineDirectory())), ...threadEnvironment(threads) };
  const measureOurs = (): Promise<Measurement> =>
    measureInChild('Strata', process.execPath, [join(import.meta.dirname, 'process.ts'), jobPath], environment, signal);
  const measurePeer = (): Promise<Measurement> =>
    measureInChild('PyTorch', peer!.python, [join(import.meta.dirname, 'peer/bench.py'), jobPath], {}, signal);

  const copied = movesFiles(each.task) && process.platform !== 'win32' ? join(job.expandedDirectory, 'model.safetensors') : null;
  const ours: Measurement[] = [];
  const theirs: Measurement[] = [];
  const copies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that a machine that warms up or fills its caches favours neither.
    const turns = [
      async () => ours.push(await measureOurs()),
      async () => peer && theirs.push(await measurePeer()),
      async () => copied !== null && copies.push(await timeCopy(copied, job.outputPath)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
    const said = [
      `${describeSeconds(each, ours.at(-1)!)} Strata`,
      ...(peer ? [`${describeSeconds(each, theirs.at(-1)!)} PyTorch`] : []),
      ...(copied === null ? [] : [`${copies.at(-1)!.toFixed(2)} s cp`]),
    ];
    say(`${each.suite} ${each.shape} ${each.batch} x ${each.context}, round ${round + 1} of ${rounds}: ${said.join(', ')}`);
  }
  return {
    suite: each.suite,
    shape: each.shape,
    blocks: each.method ? trainedConfig(each.method, each.config).blocks : each.config.blocks,
    inserted: (each.method && planOf(each.method)?.inserted.length) ?? 0,
    batch: each.batch,
    context: each.context,
    ours: sideOf(each, ours),
    peer: peer && sideOf(each, theirs),
    speedRatio: peer && median(ours.map((own, round) => median(theirs[round]!.seconds) / median(own.seconds))),
    memoryRatio: peer && median(ours.map((own, round) => own.peakMemory / theirs[round]!.peakMemory)),
    copy: copied === null ? null : { bytes: (await stat(copied)).size, seconds: median(copies) },
    copyRatio: copied === null ? null : median(ours.map((own, round) => copies[round]! / median(own.seconds))),
    lossDifference: peer && largestDifference(ours[0]!.losses, theirs[0]!.losses),
  };
}

/** Writes the models and windows of a case, unless an earlier one has, and says what to do with them. */
async function prepare(
  each: BenchCase,
  { engine, threads, steps, weights }: { engine: EngineName; threads: number; steps: number; weights: WeightType },
  scratch: string,
): Promise<BenchJob> {
  const plan = each.method && planOf(each.method);
  const baseDirectory = await once(join(scratch, `${each.shape}-${each.config.blocks}`), (path) =>
    writeRandomModel(path, each.config, weights),
  );
  const expandedDirectory = plan
    ? await once(`${baseDirectory}-${plan.inserted.map(({ position }) => position).join('-')}`, (path) =>
        writeExpandedModel(baseDirectory, path, plan),
      )
    : baseDirectory;
  if (movesFiles(each.task)) await writeTokenizer(baseDirectory);
  const windowsPath = join(scratch, 'windows.i32');
  // Windows that come again are first seen in the warm-up: what is counted are later epochs.
  const distinctSteps = each.cachesPrefix ? WARM_UP_STEPS : WARM_UP_STEPS + steps;
  await writeWindows(windowsPath, distinctSteps * each.batch, each.context + 1, each.config.vocabularySize);
  return {
    task: each.task,
    method: each.method,
    cachesPrefix: each.cachesPrefix,
    engine,
    device: engine === 'tensorflow-gpu' ? 'cuda' : 'cpu',
    threads,
    baseDirectory,
    expandedDirectory,
    windowsPath,
    outputPath: join(scratch, 'output'),
    batch: each.batch,
    context: each.context,
    newTokens: each.newTokens,
    warmUpSteps: WARM_UP_STEPS,
    steps,
    optimizer: OPTIMIZER,
  };
}

/** The folder of a model, which is written unless an earlier case has. */
async function once(directory: string, write: (directory: string) => Promise<void>): Promise<string> {
  if (!existsSync(join(directory, 'model.safetensors'))) await write(directory);
  return directory;
}

/** Seconds in which the system's own program copies a file and the copy is flushed to the disk. */
async function timeCopy(source: string, destination: string): Promise<number> {
  const started = performance.now();
  await run('cp', [source, destination]);
  const copy = await open(destination, 'r+');
  await copy.sync().finally(() => copy.close());
  const seconds = (performance.now() - started) / 1000;
  await rm(destination);
  return seconds;
}

/** Runs one side to its end and reads its answer. */
async function measureInChild(
  name: string,
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Measurement> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], signal });
  let output = '';
  const lastWords = new LastWords();
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.on('data', (chunk: Buffer) => lastWords.hear(chunk));
  const end = await new Promise<{ code: number | null; exitSignal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, exitSignal) => resolve({ code, exitSignal }));
  }).catch((error: unknown) => {
    throw signal?.aborted ? new StrataError('INTERRUPTED', 'The benchmark was interrupted.') : error;
  });
  const { code, exitSignal } = end;
  if (code !== 0) {
    const { message, found, hint } = explainEnd({ code, signal: exitSignal, words: lastWords.toString() }, 'other');
    throw new StrataError('CRASHED', `${name}'s side of the benchmark failed: ${message}`, {
      ...(found && { found }),
      ...(hint && { hint }),
    });
  }
  const answer = benchAnswerSchema.parse(JSON.parse(output.trimEnd().split('\n').at(-1)!));
  if ('error' in answer) throw StrataError.fromRecord(answer.error);
  return answer;
}

function sideOf(each: BenchCase, rounds: readonly Measurement[]): Side {
  const ofRounds = rounds.map(({ seconds, peakMemory }) => ({ seconds: median(seconds), peakMemory }));
  const seconds = median(ofRounds.map((round) => round.seconds));
  const tokens = tokensOf(each);
  return {
    seconds,
    tokensPerSecond: tokens === null ? null : tokens / seconds,
    peakMemory: median(ofRounds.map((round) => round.peakMemory)),
    rounds: ofRounds,
  };
}

/** Tokens that a step goes through. */
function tokensOf({ task, batch, context, newTokens }: BenchCase): number | null {
  if (task === 'load' || movesFiles(task)) return null;
  return task === 'generate' ? newTokens : batch * context;
}

function describeSeconds(each: BenchCase, { seconds }: Measurement): string {
  const tokens = tokensOf(each);
  return tokens === null ? `${median(seconds).toFixed(2)} s` : `${(tokens / median(seconds)).toFixed(1)} tokens/s`;
}

function largestDifference(a: readonly number[], b: readonly number[]): number | null {
  if (a.length === 0) return null;
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!)), 0);
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
