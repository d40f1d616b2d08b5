import type { Studio } from '../studio/studio.ts';
import { trainRequestSchema } from '../../shared/contract/training.ts';
import type { CoursePoint } from '../../shared/domain/matched-gain.ts';
import type { WindowOrder } from '../../shared/domain/measurement.ts';
import type { MetricPoint, RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { type PlannedRun, plannedRuns, type Subject } from './plan.ts';

/** Trains what is missing of the study in a workspace, and reads what came of all of it. */

/** A run as the study looks at it: losses are held-out, in nats per token. */
export interface StudyRun extends Omit<PlannedRun, 'request'> {
  gain: number;
  forgetting: number;
  drift: number;
  /** Gain and forgetting along the run, first at step 0. */
  course: CoursePoint[];
  identityDifference: number | null;
  trainableParameters: number;
  /** Of the base, before step 1. */
  baseline: { new: number; old: number };
  engine: string;
  seconds: number;
  /** Of each role, and where in the held-out part they are. */
  measured: { tokens: number; order: WindowOrder };
}

/** How far a rung's text is from the old text, before any training. */
export interface RungDistance {
  target: string;
  /** Jensen-Shannon divergence of single words in bits, and how much there is of it above that of two halves of one side. */
  divergence: number;
  excess: number;
  /** What the base loses more of on the new text than on the old, bits per byte. */
  lossGap: number;
}

/** Where a line goes for whoever waits. */
export type Say = (line: string) => void;

/** What each block matters is measured on so many windows of old text. */
const IMPORTANCE_WINDOWS = 64;

/**
 * Trains every run of a subject that the workspace does not have yet, one after the other.
 * @param signal ends it; the present run is then begun again the next time.
 * @throws StrataError when a run fails: what was trained before stays, and the same again goes on.
 */
export async function carryOut(studio: Studio, subject: Subject, say: Say, signal: AbortSignal): Promise<void> {
  const planned = plannedRuns(subject);
  signal.addEventListener('abort', () => void studio.runs.close(), { once: true });
  await studio.planner.measure({ model: subject.model, oldDatasets: [subject.old], windows: IMPORTANCE_WINDOWS });
  for (const [index, { name, request }] of planned.entries()) {
    const known = studio.runs.list().find((run) => run.name === name);
    if (known && isDone(known, request)) continue;
    if (signal.aborted) throw notDone(name, 'not begun');
    if (known) {
      studio.history.remove({ run: known.id });
      await studio.history.purge({ run: known.id });
    }
    const { id } = await studio.runs.start(trainRequestSchema.parse(request), undefined, { queue: false });
    await studio.runs.ended(id);
    const { status, gain, forgetting, error } = studio.runs.show(id);
    if (status !== 'done') throw error ? StrataError.fromRecord(error as never) : notDone(name, status);
    say(`${index + 1} of ${planned.length}  ${name}: gain ${gain!.toFixed(3)}, forgetting ${forgetting!.toFixed(3)}`);
  }
}

/** Whether a run is through, and trained and measured as much as is planned now: its name says the rest. */
function isDone({ status, configuration }: RunSummary, { batch, context, steps, advanced }: PlannedRun['request']): boolean {
  const { evaluation, ...trained } = configuration;
  const isAsMuch = trained.batch === batch && trained.context === context && trained.steps === steps;
  return (
    status === 'done' && isAsMuch && evaluation.everySteps === advanced?.evaluateEvery && evaluation.tokens === advanced.evaluationTokens
  );
}

/** What the workspace has of a subject's runs. */
export function readRuns(studio: Studio, subject: Subject): StudyRun[] {
  const known = new Map(studio.runs.list().map((run) => [run.name, run]));
  return plannedRuns(subject).flatMap(({ request, ...planned }) => {
    const run = known.get(planned.name);
    if (!run || !isDone(run, request)) return [];
    const points = studio.runs.metrics({ run: run.id, series: ['loss.new', 'loss.old'], afterStep: -1 });
    const series = (wanted: string): MetricPoint[] => points.filter((point) => point.series === wanted);
    const [onNew, onOld] = [series('loss.new'), series('loss.old')];
    return [
      {
        ...planned,
        gain: run.gain!,
        forgetting: run.forgetting!,
        drift: run.drift!,
        course: onNew.map(({ step, value }, index) => ({
          step,
          gain: onNew[0]!.value - value,
          forgetting: onOld[index]!.value - onOld[0]!.value,
        })),
        identityDifference: run.identityDifference,
        trainableParameters: run.trainableParameters!,
        baseline: { new: run.baseline!.new.loss, old: run.baseline!.old!.loss },
        engine: run.engine!,
        seconds: run.seconds!,
        measured: { tokens: run.configuration.evaluation.tokens, order: run.configuration.evaluation.order ?? 'first' },
      },
    ];
  });
}

/** The distance of each rung from the old text, nearest first. */
export async function measureRungs(studio: Studio, { model, old, rungs }: Subject): Promise<RungDistance[]> {
  const measured: RungDistance[] = [];
  for (const target of rungs) {
    const { ngrams, lossGap } = await studio.dataChecks.distance({ newDatasets: [target], oldDatasets: [old], model });
    const { divergence, excess } = ngrams.find(({ n }) => n === 1)!;
    measured.push({ target, divergence, excess, lossGap: lossGap!.gap });
  }
  return measured.sort((a, b) => a.excess - b.excess);
}

function notDone(name: string, status: string): StrataError {
  return new StrataError('INTERRUPTED', 'The study was interrupted.', {
    found: `"${name}" is ${status}`,
    hint: 'The same command goes on with it.',
  });
}
