import type { Batch, BatchSummary, ForecastResult, RecipePreview } from '../../shared/contract/recipes.ts';
import type { Band } from '../../shared/domain/forecast.ts';
import { describeMethod } from '../../shared/domain/method-words.ts';
import { bytes, change, count, duration, fields, loss, percent, shortCount, table } from './format.ts';
import { STRATA } from './report.ts';

/** The runs that a recipe would make, and what they need together. */
export function describeRecipe({ runs, total, notes }: RecipePreview): string {
  const rows = runs.map(({ label, method, replayShare, learningRate, trainableParameters, steps, seconds, memory }) => [
    label,
    describeMethod(method),
    percent(replayShare),
    String(learningRate),
    shortCount(trainableParameters),
    count(steps),
    seconds === null ? '-' : duration(seconds),
    bytes(memory),
  ]);
  const time = total.seconds === null ? 'not known before a first run on this engine' : `about ${duration(total.seconds)}`;
  return [
    table(['run', 'method', 'replay', 'rate', 'trained', 'steps', 'time', 'memory'], rows),
    '',
    fields([
      ['Runs', `${count(runs.length)}, one after the other: ${count(total.tokens)} tokens`],
      ['Time', time],
      ['Memory', `up to ${bytes(total.memory)}`],
      ...notes.map((note): [string, string] => ['Note', note]),
    ]),
  ].join('\n');
}

export function describeBatches(batches: readonly BatchSummary[]): string {
  if (batches.length === 0) return `No recipes yet. Try: ${STRATA} recipe controls --help`;
  const rows = batches.map(({ id, name, kind, progress, createdAt }) => [
    id,
    name,
    kind,
    describeProgress(progress),
    createdAt.slice(0, 16).replace('T', ' '),
  ]);
  return table(['id', 'name', 'kind', 'runs', 'started'], rows);
}

function describeProgress(progress: BatchSummary['progress']): string {
  return Object.entries(progress)
    .map(([status, runs]) => `${runs} ${status}`)
    .join(', ');
}

/** A batch with the points of its runs and, once there is one, its forecast. */
export function describeBatch(batch: Batch): string {
  const rows = batch.runs.map(({ run, label, status, gain, forgetting, drift, stopReason, failure }) => [
    run,
    label,
    status,
    change(gain),
    change(forgetting),
    loss(drift),
    failure ?? stopReason ?? '',
  ]);
  return [
    fields([
      ['Batch', `${batch.name} (${batch.id}), ${batch.kind}`],
      ['Runs', describeProgress(batch.progress) || 'none'],
    ]),
    '',
    table(['id', 'run', 'status', 'gain', 'forgetting', 'drift', ''], rows),
    ...(batch.forecast ? ['', describeForecast(batch.forecast)] : []),
  ].join('\n');
}

/** Rows of the frontier that are shown; --json has all. */
const SHOWN_PREDICTIONS = 8;

function describeForecast({ frontier, recommendation, notes, checks }: ForecastResult): string {
  const step = Math.ceil((frontier.length - 1) / (SHOWN_PREDICTIONS - 1));
  const shown = frontier.filter((_, index) => index % step === 0 || index === frontier.length - 1);
  const rows = shown.map(({ share, gain, forgetting, exchangeRate }) => [
    percent(share),
    band(gain),
    band(forgetting),
    exchangeRate === null ? '-' : exchangeRate.toFixed(3),
  ]);
  const lines: [string, string][] = [];
  if (recommendation) lines.push(['Recommended', describeRecommendation(recommendation)]);
  for (const note of notes) lines.push(['Note', note]);
  for (const { name, steps, error } of checks) {
    const inside = error.isWithin.newLoss && error.isWithin.oldLoss ? 'within the band' : 'outside the band';
    lines.push([
      'Checked',
      `${name} at ${percent(error.share)}, ${count(steps)} steps: loss on new ${change(error.newLoss)}, on old ${change(error.oldLoss)} beside the forecast, ${inside}`,
    ]);
  }
  return [table(['replay', 'gain', 'forgetting', 'new paid for old'], rows), '', fields(lines)].join('\n');
}

function describeRecommendation({ limit, share, careful, prediction }: NonNullable<ForecastResult['recommendation']>): string {
  if (share === null || !prediction) return `no replay share up to the largest pilot's keeps forgetting within ${limit}`;
  const safe =
    careful === null ? 'no share keeps it at the careful side of the band' : `${percent(careful)} at the careful side of the band`;
  return `a replay share of ${percent(share)} keeps forgetting within ${limit} (${safe}); gain ${band(prediction.gain)}`;
}

function band({ value, low, high }: Band): string {
  return `${change(value)} (${change(low)} to ${change(high)})`;
}
