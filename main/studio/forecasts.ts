import type { ForecastResult } from '../../shared/contract/recipes.ts';
import {
  fitForecast,
  type Forecast,
  forecastError,
  frontierOf,
  LEAST_PILOTS,
  type Pilot,
  predict,
  rangeOf,
  recommend,
} from '../../shared/domain/forecast.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { words } from '../../shared/words/words.ts';
import type { StoredRun } from '../store/runs.ts';

/** What pilots say, and how wrong they were. Pure. */

/** The forecast of finished pilots; null while some of them have no result. */
export function forecastOf(pilots: readonly StoredRun[]): Forecast | null {
  const finished = pilots.flatMap((run) => pilotOf(run) ?? []);
  const baseline = pilots.find((run) => run.baseline?.old)?.baseline;
  if (finished.length < LEAST_PILOTS || !baseline?.old) return null;
  return fitForecast(finished, { newLoss: baseline.new.loss, oldLoss: baseline.old.loss });
}

/** A run's losses at its end; null for one that was not trained to its end, or without old data. */
function pilotOf({ status, final, configuration }: StoredRun): Pilot | null {
  if (status !== 'done' || !final?.old) return null;
  return {
    share: configuration.replayShare,
    newLoss: final.new.loss,
    oldLoss: final.old.loss,
    newError: final.new.error ?? null,
    oldError: final.old.error ?? null,
  };
}

/** @param later runs that were started after the pilots, of whatever kind. */
export function describeForecast(
  forecast: Forecast,
  pilots: { steps: number; plannedSteps: number; configuration: RunConfiguration | null },
  later: readonly StoredRun[],
  limit: number | undefined,
): ForecastResult {
  const { steps, plannedSteps, configuration } = pilots;
  const checks = later.flatMap((run) => {
    const measured = pilotOf(run);
    const { least, most } = rangeOf(forecast);
    if (!measured || !configuration || !isAlike(run.configuration, configuration)) return [];
    if (measured.share < least || measured.share > most) return [];
    const error = forecastError(forecast, measured);
    return [{ run: run.id, name: run.name, steps: run.stepsDone, error, prediction: predict(forecast, measured.share) }];
  });
  return {
    forecast,
    pilotSteps: steps,
    plannedSteps,
    frontier: frontierOf(forecast),
    recommendation: limit === undefined ? null : recommend(forecast, limit),
    notes: notesOn(forecast, steps, plannedSteps),
    checks,
  };
}

function notesOn(forecast: Forecast, steps: number, plannedSteps: number): string[] {
  const length =
    steps < plannedSteps
      ? words('said.pilotsShorter', { steps: String(steps), planned: String(plannedSteps) })
      : words('said.pilotsAsLong', { steps: String(steps) });
  const first = forecast.pilots[0]!;
  const gain = forecast.base.newLoss - first.newLoss;
  const isMeasurable = gain > 2 * (first.newError ?? 0);
  return isMeasurable ? [length] : [length, words('said.pilotsNoGain')];
}

/** Whether two runs differ in nothing but their replay share and length: same base, data, method, rate and windows. */
function isAlike(a: RunConfiguration, b: RunConfiguration): boolean {
  return JSON.stringify(signOf(a)) === JSON.stringify(signOf(b));
}

function signOf({ baseModel, method, datasets, batch, context, packing, learningRate }: RunConfiguration): unknown {
  const data = datasets.map(({ hash, role }) => `${role} ${hash}`).sort();
  return [baseModel.hash, method, data, batch, context, packing, learningRate];
}
