import { HEAD_CHUNK_ELEMENTS } from '../../shared/domain/memory.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { logitsOf } from './head.ts';
import { rowOfBatch } from './lanes.ts';
import { residualStream, sliceRows } from './model.ts';
import { headWeights, type Llama } from './parameters.ts';

/** A sequence, and ids that could follow its last positions: `targets[i]` the one at position `inputs.length - targets.length + i`. */
export interface Continuation {
  inputs: Int32Array; // [T], T >= targets.length
  targets: Int32Array;
}

export interface ContinuationScore {
  /** `sum of log p(target | what is before it)`, nats; 0 of no targets. */
  logLikelihood: number;
  /** Whether every target is the likeliest id at its position, the first of those that are equally likely. */
  isGreedy: boolean;
}

/** Rows of one forward pass: enough to keep the cores busy, few enough that progress is seen. */
const ROWS_AT_ONCE = 2048;

/** Sequences are filled up to a multiple of this length: for each length once, an engine compiles what it runs. */
const LENGTH_STEP = 16;

/**
 * Log-likelihoods of continuations, as lm-evaluation-harness computes them (HFLM._loglikelihood_tokens). Those of the same inputs, as
 * the one-token choices of a question have, share a forward pass; the longest come first, so that a remaining time is overestimated.
 * @param onDone told how many are done, at most once for each forward pass.
 */
export async function scoreContinuations(
  engine: Engine,
  model: Llama,
  requests: readonly Continuation[],
  onDone: (done: number) => Promise<void> | void = () => undefined,
): Promise<ContinuationScore[]> {
  const scores = requests.map((): ContinuationScore => ({ logLikelihood: 0, isGreedy: true }));
  const sequences = groupByInputs(requests);
  let done = requests.length - sequences.reduce((sum, { members }) => sum + members.length, 0);
  for (let start = 0; start < sequences.length;) {
    const time = paddedLength(sequences[start]!.inputs.length, model.config.contextLength);
    const batch: Sequence[] = [];
    const most = Math.max(1, Math.floor(ROWS_AT_ONCE / time));
    while (batch.length < most && start < sequences.length) {
      if (paddedLength(sequences[start]!.inputs.length, model.config.contextLength) !== time) break;
      batch.push(sequences[start++]!);
    }
    await scoreBatch(engine, model, batch, time, scores);
    done += batch.reduce((sum, { members }) => sum + members.length, 0);
    await onDone(done);
  }
  return scores;
}

/** Inputs that are run once, and what is asked of them: which request, and its targets. */
interface Sequence {
  inputs: Int32Array;
  members: { request: number; targets: Int32Array }[];
}

function groupByInputs(requests: readonly Continuation[]): Sequence[] {
  const byInputs = new Map<string, Sequence>();
  for (const [request, { inputs, targets }] of requests.entries()) {
    if (targets.length === 0) continue;
    const key = inputs.join();
    const sequence = byInputs.get(key) ?? { inputs, members: [] };
    sequence.members.push({ request, targets });
    byInputs.set(key, sequence);
  }
  return [...byInputs.values()].sort((a, b) => b.inputs.length - a.inputs.length);
}

function paddedLength(length: number, contextLength: number): number {
  return Math.min(Math.ceil(length / LENGTH_STEP) * LENGTH_STEP, Math.max(length, contextLength));
}

/** Positions whose predictions are asked for: those of the longest targets. */
function firstAsked({ inputs, members }: Sequence): number {
  return inputs.length - Math.max(...members.map(({ targets }) => targets.length));
}

async function scoreBatch(
  engine: Engine,
  model: Llama,
  batch: readonly Sequence[],
  time: number,
  scores: ContinuationScore[],
): Promise<void> {
  const inputs = new Int32Array(batch.length * time); // what fills a row up stands behind what is asked for, and changes nothing
  for (const [row, sequence] of batch.entries()) inputs.set(sequence.inputs, row * time);
  const asked = batch.flatMap((sequence, row) => {
    const first = firstAsked(sequence);
    return Array.from({ length: sequence.inputs.length - first }, (_, index) => row * time + first + index);
  });
  const states = statesAt(engine, model, { batch: batch.length, time, inputs }, asked); // [asked, C]
  const scorer = new BatchScorer(batch, scores);
  const size = model.config.vocabularySize;
  const most = Math.max(1, Math.floor(HEAD_CHUNK_ELEMENTS / size));
  for (let begin = 0; begin < asked.length; begin += most) {
    const rows = Math.min(most, asked.length - begin);
    const likelihoods = engine.scope(() =>
      engine.logSoftmax(logitsOf(engine, sliceRows(engine, states, { begin, size: rows }), headWeights(model))),
    ); // [rows, V]
    const values = (await engine.read(likelihoods)) as Float32Array;
    engine.dispose(likelihoods);
    for (let row = 0; row < rows; row++) scorer.add(values.subarray(row * size, (row + 1) * size));
  }
  engine.dispose(states);
}

/** The residual stream at some rows of a batch, in their order, [rows, C]. The caller frees it. */
function statesAt(
  engine: Engine,
  model: Llama,
  batch: { batch: number; time: number; inputs: Int32Array },
  rows: readonly number[],
): Tensor {
  return engine.scope(() => {
    const { lanes } = model.lanes.lanesOf(batch.batch, batch.time);
    const streams = residualStream(engine, model, batch);
    const place = new Map<number, number>();
    let next = 0;
    for (const lane of lanes)
      for (let row = 0; row < lane.windows * lane.times; row++) place.set(rowOfBatch(lane, batch.time, row), next++);
    const together = streams.length === 1 ? streams[0]! : engine.concat(streams, 0);
    const ids = Int32Array.from(rows, (row) => place.get(row)!);
    return engine.gatherRows(together, engine.tensor(ids, [ids.length]));
  });
}

/** Takes the log-likelihoods of all ids [V] row by row, in the order of the batch's asked positions, and adds up those of the targets. */
class BatchScorer {
  readonly #batch: readonly Sequence[];
  readonly #scores: readonly ContinuationScore[];
  #sequence = 0;
  #position: number;

  constructor(batch: readonly Sequence[], scores: readonly ContinuationScore[]) {
    this.#batch = batch;
    this.#scores = scores;
    this.#position = firstAsked(batch[0]!);
  }

  add(likelihoods: Float32Array): void {
    const { inputs, members } = this.#batch[this.#sequence]!;
    const likeliest = indexOfLargest(likelihoods);
    for (const { request, targets } of members) {
      const target = targets[this.#position - (inputs.length - targets.length)];
      if (target === undefined) continue; // shorter than the longest: its first target comes later
      const score = this.#scores[request]!;
      score.logLikelihood += likelihoods[target]!;
      score.isGreedy &&= likeliest === target;
    }
    if (++this.#position < inputs.length) return;
    this.#sequence++;
    if (this.#sequence < this.#batch.length) this.#position = firstAsked(this.#batch[this.#sequence]!);
  }
}

/** The first of the largest values. */
export function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}
