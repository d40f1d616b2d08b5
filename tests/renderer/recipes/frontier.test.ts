import { expect, it } from 'vitest';
import type { ForecastResult } from '../../../shared/contract/recipes.ts';
import { fitForecast, forecastError, frontierOf, predict } from '../../../shared/domain/forecast.ts';
import { bandOutline, extentOf, measuredPoints } from '../../../renderer/features/recipes/frontier.ts';
import { asPercent, numbersOf } from '../../../renderer/features/recipes/recipe-words.ts';

const pilots = [
  { share: 0, newLoss: 3, oldLoss: 3.4, newError: 0.01, oldError: 0.01 },
  { share: 0.01, newLoss: 3.01, oldLoss: 3.25, newError: 0.01, oldError: 0.01 },
  { share: 0.1, newLoss: 3.04, oldLoss: 3.1, newError: 0.01, oldError: 0.01 },
  { share: 0.5, newLoss: 3.3, oldLoss: 3.02, newError: 0.01, oldError: 0.01 },
];
const forecast = fitForecast(pilots, { newLoss: 5, oldLoss: 3 });
const later = { share: 0.05, newLoss: 2.9, oldLoss: 3.2 };
const result: ForecastResult = {
  ...{ forecast, pilotSteps: 30, plannedSteps: 300, frontier: frontierOf(forecast, 9), recommendation: null, notes: [] },
  checks: [{ run: 'r', name: 'later', steps: 300, error: forecastError(forecast, later), prediction: predict(forecast, later.share) }],
};

it('points are what was measured: gain and forgetting of the pilots and of later runs against the base', () => {
  const points = measuredPoints(result);
  expect(points.map(({ gain, forgetting }) => [gain, forgetting])).toEqual(
    [...pilots, later].map(({ newLoss, oldLoss }) => [expect.closeTo(5 - newLoss, 10), expect.closeTo(oldLoss - 3, 10)]),
  );
  expect(points.map(({ kind }) => kind)).toEqual(['pilot', 'pilot', 'pilot', 'pilot', 'later']);
});

it('the band goes along its better side and back along the worse, and everything has room on the axes', () => {
  const outline = bandOutline(result.frontier);
  expect(outline).toHaveLength(18);
  expect(outline[0]!.gain).toBeGreaterThan(outline.at(-1)!.gain);
  expect(outline[0]!.forgetting).toBeLessThan(outline.at(-1)!.forgetting);
  const gains = extentOf(result, 'gain').map(({ value }) => value);
  expect(Math.max(...gains)).toBeGreaterThanOrEqual(2.1); // the later run's
});

it('typed numbers are read or refused as a whole', () => {
  expect(numbersOf(['1', '2.5 %', '0,5'])).toEqual([1, 2.5, 0.5]);
  expect(numbersOf(['1', 'many'])).toBeNull();
  expect(numbersOf([' '])).toBeNull();
  expect(asPercent(0.01234)).toBe('1.23 %');
});
