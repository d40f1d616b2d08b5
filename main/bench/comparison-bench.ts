import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DatasetMeasure } from '../../shared/domain/measurement.ts';
import { ROLES, type Role, type RunConfiguration } from '../../shared/domain/run.ts';
import type { encodeDocumentSums } from '../store/document-sums.ts';
import { insertMeasurements } from '../store/measurements.ts';
import { openStore } from '../store/open-store.ts';
import { insertRun, updateRun } from '../store/runs.ts';
import { findPythonWith } from './find-python.ts';
import { median } from './run-bench.ts';

const run = promisify(execFile);

export interface ComparisonBenchRequest {
  runs: number;
  /** Of each run; half of them of held-out new text, half of old. */
  points: number;
  /** Runs that are compared. */
  compared: number;
  /** Held-out documents of each dataset: verdicts draw them again. */
  documents: number;
  rounds: number;
  python?: string;
}

/** The calls that a page makes, on a workspace; a host opens them, since no benchmark knows the studio. */
export interface HistoryCalls {
  list(): Promise<unknown>;
  /** Runs side by side with their curves, as the page of a comparison opens; with verdicts where one of them is the baseline. */
  compare(runs: string[], baseline: string | null): Promise<unknown>;
  close(): Promise<void>;
}

export interface ComparisonBenchRow {
  /** `verdicts`: the comparison once more, with a verdict on each run against one of them; peers have none. */
  what: 'list' | 'compare' | 'verdicts';
  /** Milliseconds, medians over the rounds; null where a peer was not measured, or has no such thing. */
  ours: number;
  mlflow: number | null;
  trackio: number | null;
}

export interface ComparisonBenchReport extends Omit<ComparisonBenchRequest, 'python' | 'rounds'> {
  rows: ComparisonBenchRow[];
  /** Version of each peer, or why it was not measured. */
  peers: { mlflow: string; trackio: string };
}

/** Losses of a run at a step in SQL, the same for all sides: they fall and rise with a little noise that is none. */
const LOSS_NEW = '5.0 - (0.5 + (:run % 10) * 0.1) * at / :steps + ((:run * 7919 + at * 10473) % 1000) * 0.00002';
const LOSS_OLD = '3.0 + (0.1 + (:run % 7) * 0.1) * at / :steps + ((:run * 7919 + at * 10473) % 1000) * 0.00002';

/** Points of a curve that a page asks for. */
export const SHOWN_POINTS = 400;

/** How long the list of many runs takes, and a comparison of some of them with all their points, beside the trackers that people use for it. */
export async function runComparisonBench(
  request: ComparisonBenchRequest,
  open: (home: string) => Promise<HistoryCalls>,
  say: (line: string) => void,
): Promise<ComparisonBenchReport> {
  const { runs, points, compared, documents, rounds, python } = request;
  const scratch = await mkdtemp(join(tmpdir(), 'strata-bench-'));
  try {
    say(`writing ${runs} runs of ${points} points each`);
    const ids = writeRuns(scratch, runs, points / 2, documents);
    say('opening them');
    const ours = await measureOurs(await open(scratch), ids, compared, rounds);
    const job = { scratch, runs, steps: points / 2, rounds, compared, shown: SHOWN_POINTS, lossNew: LOSS_NEW, lossOld: LOSS_OLD };
    // One after the other: they must not share the disk.
    const mlflow = await measurePeer('mlflow', job, python, say);
    const trackio = await measurePeer('trackio', job, python, say);
    const row = (what: 'list' | 'compare'): ComparisonBenchRow => ({
      what,
      ours: median(ours[what]),
      mlflow: mlflow.times && median(mlflow.times[what]),
      trackio: trackio.times && median(trackio.times[what]),
    });
    const verdicts: ComparisonBenchRow = { what: 'verdicts', ours: median(ours.verdicts), mlflow: null, trackio: null };
    const rows = [row('list'), row('compare'), verdicts];
    return { runs, points, compared, documents, rows, peers: { mlflow: mlflow.note, trackio: trackio.note } };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type PeerTimes = Record<'list' | 'compare', number[]>;
type Times = PeerTimes & Record<'verdicts', number[]>;

/** Comparisons that every round makes. */
export const COMPARISONS_OF_ROUND = 2;

/** Every comparison is of other runs: nothing of them was read before. */
async function measureOurs(calls: HistoryCalls, ids: readonly string[], compared: number, rounds: number): Promise<Times> {
  const times: Times = { list: [], compare: [], verdicts: [] };
  const timed = async (call: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await call();
    return performance.now() - began;
  };
  try {
    for (let round = 0; round < rounds; round++) times.list.push(await timed(() => calls.list()));
    for (let round = 0; round < rounds; round++) {
      const [plain, judged] = [2 * round, 2 * round + 1].map((group) => ids.slice(group * compared, (group + 1) * compared));
      times.compare.push(await timed(() => calls.compare(plain!, null)));
      times.verdicts.push(await timed(() => calls.compare(judged!, judged![0]!)));
    }
    return times;
  } finally {
    await calls.close();
  }
}

interface PeerJob {
  scratch: string;
  runs: number;
  steps: number;
  rounds: number;
  compared: number;
  /** Points that a curve is thinned to, where a side can do that. */
  shown: number;
  lossNew: string;
  lossOld: string;
}

/** Building a peer's store takes minutes. */
const PEER_LIMIT_MS = 30 * 60_000;

async function measurePeer(
  peer: 'mlflow' | 'trackio',
  job: PeerJob,
  named: string | undefined,
  say: (line: string) => void,
): Promise<{ times: PeerTimes | null; note: string }> {
  const { python, reason } = await findPythonWith(peer, named);
  if (python === null) return { times: null, note: `not measured (${reason})` };
  say(`writing the same for ${peer}, and opening them there`);
  const file = join(job.scratch, `${peer}.json`);
  await writeFile(file, JSON.stringify({ ...job, peer }));
  const script = join(import.meta.dirname, 'peer', 'comparison.py');
  const { stdout } = await run(python, [script, file], { timeout: PEER_LIMIT_MS, maxBuffer: 1e8, cwd: job.scratch });
  const { version, ...times } = JSON.parse(stdout.trim().split('\n').at(-1)!) as PeerTimes & { version: string };
  return { times, note: version };
}

/** Finished runs as training leaves them; their points are computed where they are stored. */
function writeRuns(home: string, runs: number, steps: number, documents: number): string[] {
  const store = openStore(join(home, 'strata.db'));
  try {
    const insertPoints = (series: string, formula: string): ((run: number, id: string) => void) => {
      const losses = formula.replaceAll(':run', '@run').replaceAll(':steps', '@steps');
      const statement = store.prepare(
        `WITH RECURSIVE step(at) AS (VALUES (0) UNION ALL SELECT at + 1 FROM step WHERE at < @steps - 1)
          INSERT INTO metrics (run, series, step, value) SELECT @id, '${series}', at, ${losses} FROM step`,
      );
      return (number, id) => void statement.run({ run: number, id, steps });
    };
    const [insertNew, insertOld] = [insertPoints('loss.new', LOSS_NEW), insertPoints('loss.old', LOSS_OLD)];
    const ids = Array.from({ length: runs }, (_, number) => `run-${String(number).padStart(6, '0')}`);
    for (const [number, id] of ids.entries()) {
      insertRun(store, {
        ...{ id, name: `run ${number}`, status: 'done', configuration: configurationOf(number, steps), directory: join(home, 'runs', id) },
        ...{ createdAt: new Date(1_700_000_000_000 + number).toISOString(), ownerPid: null, heartbeatAt: null },
        ...{ trainableParameters: 1000, trainableTensors: ['model.layers.4.mlp.down_proj.weight'], addedParameters: 1000 },
      });
      insertNew(number, id);
      insertOld(number, id);
      const at = (step: number): { new: { loss: number; tokens: number }; old: { loss: number; tokens: number }; drift: number | null } => {
        const loss = (series: string): number =>
          store
            .prepare<[string, string, number], number>('SELECT value FROM metrics WHERE run = ? AND series = ? AND step = ?')
            .pluck()
            .get(id, series, step)!;
        return {
          new: { loss: loss('loss.new'), tokens: HELD_OUT_TOKENS },
          old: { loss: loss('loss.old'), tokens: HELD_OUT_TOKENS },
          drift: step > 0 ? DRIFT : null,
        };
      };
      const [baseline, final] = [at(0), at(steps - 1)];
      for (const [step, { new: onNew, old }] of [
        [0, baseline],
        [steps, final],
      ] as const) {
        const measured = { new: onNew.loss, old: old.loss };
        const sums = ROLES.map((role) => documentSums(role, { loss: measured[role], hasDrift: step > 0 }, documents, number));
        insertMeasurements(
          store,
          id,
          step,
          ROLES.map((role) => measureOf(role, measured[role], documents)),
          sums,
        );
      }
      updateRun(store, id, {
        ...{ baseline, latest: final, final, stepsDone: steps, tags: [`batch ${number % 20}`], engine: 'tensorflow-cpu' },
        ...{ seconds: 100, tokensPerSecond: 5000, gainError: 0.01, forgettingError: 0.01 },
      });
    }
    return ids;
  } finally {
    store.close();
  }
}

const HELD_OUT_TOKENS = 65_536;
/** Of every run; nats per token. */
const DRIFT = 0.05;
const HASHES: Record<Role, string> = { new: 'b'.repeat(64), old: 'c'.repeat(64) };

/** Documents of unequal length, which are hard or easy for every run alike, and a little for this one. */
function documentSums(
  role: Role,
  { loss, hasDrift }: { loss: number; hasDrift: boolean },
  documents: number,
  run: number,
): Parameters<typeof encodeDocumentSums>[0] & { datasetId: Role } {
  const tokens = Array.from({ length: documents }, (_, document) => 100 + ((document * 7919) % 237));
  const hardness = (document: number): number => (((document * 104_729) % 1000) + ((document * 31 + run * 7919) % 100)) * 0.001;
  const losses = tokens.map((count, document) => count * (loss + hardness(document)));
  const drifts = hasDrift ? tokens.map((count, document) => count * DRIFT * (1 + hardness(document))) : null;
  return { datasetId: role, tokens, losses, drifts };
}

function measureOf(role: Role, value: number, documents: number): DatasetMeasure {
  const counts = { tokens: HELD_OUT_TOKENS, bytes: 4 * HELD_OUT_TOKENS, documents, coverage: 1 };
  const loss = { value, error: 0.01 };
  const figures = { loss, bitsPerByte: { value: value / 4 / Math.LN2, error: 0.01 }, agreement: null, drift: null, shift: null };
  return { datasetId: role, name: `${role} text`, hash: HASHES[role], role, ...counts, ...figures };
}

function configurationOf(number: number, steps: number): RunConfiguration {
  const inserted = [{ after: 3, copies: 3, position: 4 }];
  return {
    baseModel: { id: 'base', name: 'base', hash: 'a'.repeat(64) },
    method: { name: 'expand', plan: { schemaVersion: 1, baseBlocks: 4, inserted } },
    datasets: [
      { id: 'new', name: 'new text', role: 'new', hash: HASHES.new },
      { id: 'old', name: 'old text', role: 'old', hash: HASHES.old },
    ],
    replayShare: (number % 10) / 20,
    ...{ steps, batch: 8, microBatch: 8, context: 256, packing: 'documents', learningRate: 1e-3 * (1 + (number % 5)) },
    learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
    ...{ warmup: 0.06, schedule: { name: 'cosine' }, finalLearningRate: 0.1, weightDecay: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 },
    ...{ clipNorm: 1, seed: number, evaluation: { everySteps: 1, tokens: HELD_OUT_TOKENS }, checkpointEverySteps: 100, engine: 'auto' },
  };
}
