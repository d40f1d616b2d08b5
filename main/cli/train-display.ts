import type { RunEvent } from '../../shared/contract/runs.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { MEMORY_PARTS } from '../../shared/domain/memory.ts';
import { describeMethod } from '../../shared/domain/method-words.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { selfReplayLabel } from '../../shared/domain/self-replay.ts';
import { StrataError, type ErrorCode } from '../../shared/errors.ts';
import type { Runs } from '../studio/runs.ts';
import { bytes, change, count, duration, fields, loss, percent, shortCount, tensorsByBlock } from './format.ts';
import { describeMeasures, withError } from './measure-display.ts';
import { describeImportance, describeInserted, describeSizes } from './plan-display.ts';
import { STRATA } from './report.ts';
import type { Session } from './session.ts';

/** What a run will do, need and cost, in words. */
export function describePlan(preview: TrainPreview): string {
  const { memory, placement, time, plan } = preview;
  const pieces = preview.microBatch < preview.batch ? `, ${preview.microBatch} at once` : '';
  const lines: [string, string][] = [
    ['Method', describeMethod(preview.method)],
    ['Steps', `${count(preview.steps)} of ${preview.batch} windows of ${preview.context} tokens${pieces}: ${count(preview.tokens)} tokens`],
    ...describeMixture(preview),
  ];
  if (plan) {
    lines.push(['New blocks', `${describeInserted(plan)}, in a model of ${placement.blocks} blocks, counted from 0`]);
  }
  if (preview.addedParameters > 0) {
    const merged = preview.method.name === 'lora' ? ', merged into its weights at the end' : '';
    lines.push([
      'Added',
      `${count(preview.addedParameters)} parameters to ${count(preview.totalParameters - preview.addedParameters)}${merged}`,
    ]);
  }
  const parts = MEMORY_PARTS.map((part) => `${part} ${bytes(memory[part])}`).join(', ');
  const below = placement.cacheableBlocks > 0 ? `; the ${placement.cacheableBlocks} below are frozen and only go forward` : '';
  lines.push(['Backward pass', `through ${placement.backwardBlocks} of ${placement.blocks} blocks${below}`]);
  lines.push(['Memory', `about ${bytes(memory.total)} of ${bytes(memory.available)}: ${parts}`]);
  if (!memory.keepsActivations) lines.push(['', 'activations do not fit and are computed again in the backward pass, which takes longer']);
  lines.push(['Time', time ? `about ${duration(time.seconds)}, from ${time.basis}` : 'not known before a first run on this engine']);
  lines.push(...describeSizes(preview.sizes));
  lines.push([
    'Trained',
    `${count(preview.trainableParameters)} of ${count(preview.totalParameters)} parameters, in ${preview.trainableTensors.length} tensors:`,
  ]);
  const trained = tensorsByBlock(preview.trainableTensors).map((line) => `  ${line}`);
  return [fields(lines), ...trained, ...(preview.importance ? ['', describeImportance(preview.importance)] : [])].join('\n');
}

/** Letters that stand for datasets in the picture of the stream. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Who gets how much, and the first windows as they come. */
function describeMixture({ mixture, replayShare, replayReason, replayCurve, stream, time, warnings }: TrainPreview): [string, string][] {
  const letterOf = (index: number): string => LETTERS[index] ?? '.';
  const datasets = mixture.map(({ role, name, share, tokens, windows, epochs, shortfall, seconds }, index): [string, string] => {
    const facts = [
      `${percent(share)}, ${count(tokens)} tokens in ${count(windows)} windows, gone through ${epochs.toFixed(2)} times`,
      ...(time && seconds !== null && mixture.length > 1 ? [`about ${duration(seconds)}`] : []),
      ...(shortfall > 0 ? [`${count(shortfall)} tokens fewer than its share: the cap on repeats`] : []),
    ];
    return [role === 'new' ? 'New' : 'Old', `${mixture.length > 1 ? `${letterOf(index)}  ` : ''}${name}: ${facts.join(', ')}`];
  });
  const lines: [string, string][] = [...datasets, ['Replay share', `${percent(replayShare)} (${replayReason})`]];
  if (replayCurve.some(({ share }) => share !== replayShare)) {
    lines.push(['', `over the run: ${replayCurve.map(({ at, share }) => `${percent(share)} at ${percent(at)}`).join(', ')}`]);
  }
  if (mixture.length > 1) lines.push(['First windows', stream.map(letterOf).join('')]);
  lines.push(...warnings.map((text): [string, string] => ['Warning', text]));
  return lines;
}

/**
 * Follows a run to its end on the terminal: one line that updates itself on a terminal, a line for each measurement elsewhere.
 * @returns the run once it has ended.
 * @throws StrataError when it failed (its own error) or was interrupted (INTERRUPTED, with how to resume).
 */
export async function followRun(session: Session, id: string): Promise<RunSummary> {
  const { runs } = session.studio;
  const isTerminal = process.stdout.isTTY && !session.isJson;
  let shownActivity = '';
  let shownEvaluation = '';
  for await (const event of runs.watch({ run: id })) {
    const evaluation = JSON.stringify(event.evaluation);
    clearLine(isTerminal);
    // A measurement was made before what is being done now.
    if (evaluation !== shownEvaluation && event.evaluation && event.step > 0) {
      session.say(`${progressLine({ ...event, step: event.evaluationStep ?? event.step })}   on ${measuredTokens(event.evaluation)}`);
    }
    shownEvaluation = evaluation;
    if (event.activity !== shownActivity && event.activity !== '') {
      session.say(activityLine(event, runs.show(id)));
      shownActivity = event.activity;
    }
    if (isTerminal && event.status === 'running') process.stdout.write(progressLine(event));
  }
  clearLine(isTerminal);
  await runs.ended(id);
  return ending(runs, id);
}

function activityLine(event: RunEvent, run: RunSummary): string {
  const identity = run.identityDifference;
  if (event.activity === 'training' && identity !== null && event.step === 0) {
    return `identity proved: the largest logit difference between base and expanded model is ${identity}\ntraining on ${run.engine ?? 'the engine'}`;
  }
  if (run.baseline && event.activity.startsWith('proving')) {
    const { new: onNew, old } = run.baseline;
    const oldText = old ? `, on old ${loss(old.loss)} (${count(old.tokens)} tokens)` : '';
    return `before step 1: held-out loss on new ${loss(onNew.loss)} (${count(onNew.tokens)} tokens)${oldText}\n${event.activity}`;
  }
  return event.activity;
}

function progressLine(event: RunEvent): string {
  const { step, steps, evaluation, tokensPerSecond, secondsLeft } = event;
  const parts = [`step ${String(step).padStart(String(steps).length)}/${steps}`];
  if (evaluation) parts.push(`new ${loss(evaluation.new.loss)}`);
  if (evaluation?.old) parts.push(`old ${loss(evaluation.old.loss)}`);
  if (tokensPerSecond) parts.push(`${count(Math.round(tokensPerSecond))} tokens/s`);
  if (secondsLeft) parts.push(`${duration(secondsLeft)} left`);
  return parts.join('   ');
}

/** At its end a run measures more than in between, so that the last line need not go on from the one before. */
function measuredTokens({ new: onNew, old }: NonNullable<RunEvent['evaluation']>): string {
  return `${count(onNew.tokens)}${old ? ` + ${count(old.tokens)}` : ''} held-out tokens`;
}

function clearLine(isTerminal: boolean): void {
  if (isTerminal) process.stdout.write('\r\x1b[2K');
}

/** Follows a run that may have to wait: this process then starts what waits, one run after the other, until this one is through. */
export async function followQueued(session: Session, run: RunSummary): Promise<RunSummary> {
  if (run.status !== 'queued') return followRun(session, run.id);
  const { runs, queue } = session.studio;
  const training = runs.list().find(({ status }) => status === 'running' || status === 'preparing');
  session.say(`${run.name} waits in the queue${training ? `: "${training.name}" trains` : ''}. Ctrl-C leaves it there.`);
  const rest = queue.drive();
  try {
    return await followRun(session, run.id);
  } finally {
    rest();
  }
}

/** Failures that lie outside the run: it can go on once they are mended. */
const OUTSIDE: readonly string[] = ['NO_SPACE', 'CRASHED'];

function ending(runs: Runs, id: string): RunSummary {
  const run = runs.show(id);
  const { status, error } = run;
  const resume = `Go on from its last checkpoint with: ${STRATA} run resume ${run.id}`;
  if (error && (status === 'failed' || (status === 'interrupted' && error.code !== 'INTERRUPTED'))) {
    const hint = [error.hint, OUTSIDE.includes(error.code) ? resume : ''].filter(Boolean).join(' ');
    throw new StrataError(error.code as ErrorCode, error.message, { ...error, hint });
  }
  if (status === 'interrupted') throw new StrataError('INTERRUPTED', `The run was interrupted at step ${run.stepsDone}.`, { hint: resume });
  return run;
}

/** What a run brought, in words. */
export function describeResult(run: RunSummary): string {
  const { baseline, final } = run;
  const lines: [string, string][] = [
    ['Run', `${run.name} (${run.id}), ${run.status}`],
    ['Base', run.baseModel.name],
    ['Method', describeMethod(run.configuration.method)],
    [
      'Steps',
      `${count(run.stepsDone)} of ${count(run.steps)}, ${count(run.tokens.total)} tokens, replay share ${percent(run.replayShare)}`,
    ],
  ];
  const measured = (role: 'new' | 'old'): string | null => {
    const [before, after] = [baseline?.[role], final?.[role]];
    return before && after
      ? `held-out loss ${loss(before.loss)} -> ${loss(after.loss)} nats/token, on ${count(after.tokens)} tokens`
      : null;
  };
  const [onNew, onOld] = [measured('new'), measured('old')];
  if (onNew) lines.push(['Gain', `${withError(change(run.gain), run.gainError)}   new: ${onNew}`]);
  if (onOld) lines.push(['Forgetting', `${withError(change(run.forgetting), run.forgettingError)}   old: ${onOld}`]);
  const selfReplay = run.configuration.datasets.filter(({ origin }) => origin === 'self-replay').map(({ name }) => name);
  if (selfReplay.length > 0) lines.push(['', `${selfReplay.join(', ')} is ${selfReplayLabel()}`]);
  if (run.drift !== null)
    lines.push(['Drift', `${run.drift.toFixed(4)} nats/token, KL(base || tuned) on old, on ${count(final?.old?.tokens ?? 0)} tokens`]);
  if (run.identityDifference !== null) lines.push(['Identity', `largest logit difference before step 1: ${run.identityDifference}`]);
  if (run.addedParameters !== null)
    lines.push(['Parameters', `${shortCount(run.addedParameters)} added, ${shortCount(run.trainableParameters ?? 0)} trained`]);
  if (run.seconds !== null)
    lines.push([
      'Time',
      `${duration(run.seconds)}${besideTraining(run)}, ${count(Math.round(run.tokensPerSecond ?? 0))} tokens/s on ${run.engine}, ${bytes(run.peakMemory ?? 0)} memory`,
    ]);
  if (run.modelPath) lines.push(['Saved', run.modelPath]);
  if (run.samplingSeconds) lines.push(['Samples', `${STRATA} run samples ${run.id} shows what base and model wrote`]);
  for (const { step, text } of run.guardEvents) lines.push(['Guard', `after step ${step}: ${text}`]);
  for (const { at, text } of run.warnings) lines.push(['Warning', `${at.slice(0, 16).replace('T', ' ')}: ${text}`]);
  const measures = final?.datasets ? `\n\n${describeMeasures(baseline?.datasets ?? [], final.datasets)}` : '';
  return fields(lines) + measures;
}

/** What of a run's time was no training. */
function besideTraining({ seconds, measuringSeconds, samplingSeconds }: RunSummary): string {
  if (measuringSeconds === null || !seconds) return '';
  const sampling = samplingSeconds ? `, ${percent(samplingSeconds / seconds)} writing samples` : '';
  return ` (${percent(measuringSeconds / seconds)} of it measuring${sampling})`;
}
