import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '../../shared/contract/runs.ts';
import { isUnfinished } from '../../shared/domain/run.ts';
import { findRun, lastMetric, type StoredRun } from '../store/runs.ts';
import type { Reader } from '../store/open-store.ts';
import { findDrawnWindows, lastSampledStep } from '../store/training-view.ts';

/** How often a followed run is looked at: at most so many events a second reach a page. */
const WATCH_INTERVAL_MS = 200;

/**
 * Tells of a run, whoever trains it, until it neither waits in the queue nor goes on.
 * @param onLook called before every look; what it throws ends the following.
 */
export async function* followRun(store: Reader, id: string, onLook: () => void, signal?: AbortSignal): AsyncGenerator<RunEvent, void> {
  let last = '';
  while (!signal?.aborted) {
    onLook();
    const run = findRun(store, id);
    if (!run) return;
    const event = eventOf(store, run);
    const text = JSON.stringify(event);
    if (text !== last) yield event;
    last = text;
    if (!isUnfinished(run.status)) return;
    await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
  }
}

function eventOf(store: Reader, run: StoredRun): RunEvent {
  const evaluation = run.final ?? run.latest;
  const evaluationStep = lastMetric(store, run.id, 'loss.new', run.stepsDone)?.step ?? null;
  return {
    run: run.id,
    status: run.status,
    step: run.stepsDone,
    steps: run.configuration.steps,
    trainLoss: lastMetric(store, run.id, 'loss.train', run.stepsDone)?.value ?? null,
    evaluation,
    evaluationStep,
    tokensPerSecond: run.tokensPerSecond,
    secondsLeft: run.secondsLeft,
    memory: lastMetric(store, run.id, 'memory', run.stepsDone)?.value ?? null,
    windows: findDrawnWindows(store, run.id),
    sampledStep: lastSampledStep(store, run.id, run.stepsDone),
    activity: run.activity,
  };
}
