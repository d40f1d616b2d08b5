import { describe, expect, it } from 'vitest';
import {
  fitForecast,
  type Forecast,
  forecastError,
  forecastSchema,
  frontierOf,
  type Pilot,
  predict,
  recommend,
} from '../../shared/domain/forecast.ts';
import { StrataError } from '../../shared/errors.ts';

const pilot = (share: number, oldLoss: number, newLoss: number): Pilot => ({ share, oldLoss, newLoss, newError: null, oldError: null });

/** Losses after training on another language, by replay share: Ibrahim et al. 2024 (arXiv 2403.08763), 405M parameters; base 2.17. */
const GERMAN = new Map([
  [0, [3.56, 1.11]],
  [0.01, [2.83, 1.12]],
  [0.05, [2.57, 1.12]],
  [0.1, [2.46, 1.13]],
  [0.25, [2.33, 1.16]],
  [0.5, [2.24, 1.22]],
] as const);
/** The same after text of the same language. */
const SLIM_PAJAMA = new Map([
  [0, [2.44, 2.5]],
  [0.005, [2.27, 2.5]],
  [0.01, [2.26, 2.5]],
  [0.05, [2.23, 2.51]],
  [0.1, [2.21, 2.51]],
  [0.5, [2.16, 2.54]],
] as const);

type Published = ReadonlyMap<number, readonly [oldLoss: number, newLoss: number]>;
const pilotsOf = (table: Published, shares: readonly number[]): Pilot[] =>
  shares.map((share) => pilot(share, ...(table.get(share)! as [number, number])));
const german = fitForecast(pilotsOf(GERMAN, [0, 0.01, 0.1, 0.5]), { newLoss: 2.5, oldLoss: 2.17 });

function refusal(attempt: () => unknown): StrataError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error('It was allowed.');
}

describe('a forecast of published runs', () => {
  it('meets shares that it has not seen: German at 5 and 25 % within 0.006 nats', () => {
    for (const share of [0.05, 0.25]) {
      expect(Math.abs(predict(german, share).oldLoss.value - GERMAN.get(share as 0.05)![0])).toBeLessThan(0.006);
      expect(Math.abs(predict(german, share).newLoss.value - GERMAN.get(share as 0.05)![1])).toBeLessThan(0.006);
    }
    expect(german.rmse.new).toBeLessThan(0.0035); // figures are published to 0.01
    expect(german.rmse.old).toBeLessThan(1e-6);
  });

  it('meets SlimPajama at 0.5 and 10 % within 0.013 nats', () => {
    const forecast = fitForecast(pilotsOf(SLIM_PAJAMA, [0, 0.01, 0.05, 0.5]), { newLoss: 2.6, oldLoss: 2.17 });
    for (const share of [0.005, 0.1]) {
      expect(Math.abs(predict(forecast, share).oldLoss.value - SLIM_PAJAMA.get(share as 0.1)![0])).toBeLessThan(0.013);
      expect(Math.abs(predict(forecast, share).newLoss.value - SLIM_PAJAMA.get(share as 0.1)![1])).toBeLessThan(0.006);
    }
  });

  it('says afterwards how wrong it was, measured less predicted', () => {
    const error = forecastError(german, { share: 0.25, oldLoss: 2.4, newLoss: 1.16 });
    expect(error.oldLoss).toBeCloseTo(2.4 - predict(german, 0.25).oldLoss.value, 12);
    expect(error.isWithin).toEqual({ newLoss: true, oldLoss: 2.4 <= predict(german, 0.25).oldLoss.high });
    expect(forecastError(german, { share: 0.25, oldLoss: 9, newLoss: 0 }).isWithin).toEqual({ newLoss: false, oldLoss: false });
  });
});

describe('the laws', () => {
  const oldLoss = (share: number): number => 2.1 + 0.9 / (1 + 40 * share) ** 0.7;
  const newLoss = (share: number): number => 1.3 + 0.2 * (1 - share) ** -0.8;
  const exact = [0, 0.01, 0.1, 0.5].map((share) => pilot(share, oldLoss(share), newLoss(share)));
  const forecast = fitForecast(exact, { newLoss: 3, oldLoss: 2 });

  it('are found again from losses that follow them', () => {
    const { old, new: onNew } = forecast.laws;
    for (const [found, planted] of [
      [old.floor, 2.1],
      [old.height, 0.9],
      [old.rate / 40, 1],
      [old.power, 0.7],
      [onNew.offset, 1.3],
      [onNew.scale, 0.2],
      [onNew.power, 0.8],
    ] as const) {
      expect(found).toBeCloseTo(planted, 3);
    }
    for (const share of [0, 0.003, 0.03, 0.2, 0.4, 0.5]) {
      expect(predict(forecast, share).oldLoss.value).toBeCloseTo(oldLoss(share), 4);
      expect(predict(forecast, share).newLoss.value).toBeCloseTo(newLoss(share), 4);
    }
  });

  it('have a band that losses without noise lie in, and that noise makes wider', () => {
    for (const share of [0.005, 0.05, 0.3]) {
      const { oldLoss: band } = predict(forecast, share);
      expect(band.low).toBeLessThanOrEqual(oldLoss(share) + 1e-6);
      expect(band.high).toBeGreaterThanOrEqual(oldLoss(share) - 1e-6);
    }
    const noisy = fitForecast(
      exact.map((each) => ({ ...each, oldError: 0.05 })),
      forecast.base,
    );
    const widthAt = (of: Forecast): number => predict(of, 0.1).oldLoss.high - predict(of, 0.1).oldLoss.low;
    expect(widthAt(noisy) - widthAt(forecast)).toBeCloseTo(0.1, 3);
    const odd = fitForecast([exact[0]!, pilot(0.01, oldLoss(0.01) + 0.1, newLoss(0.01)), exact[2]!, exact[3]!], forecast.base);
    expect(widthAt(odd)).toBeGreaterThan(widthAt(forecast) + 0.01);
  });

  it('never say that more replay forgets more, whatever the noise', () => {
    const backwards = fitForecast([pilot(0, 1, 2), pilot(0.01, 1.1, 1.9), pilot(0.1, 1.2, 1.8), pilot(0.5, 1.3, 1.7)], forecast.base);
    const frontier = frontierOf(backwards);
    expect(frontier.at(-1)!.oldLoss.value).toBeLessThanOrEqual(frontier[0]!.oldLoss.value);
    expect(frontier.at(-1)!.exchangeRate).toBeNull();
    expect(backwards.rmse.old).toBeGreaterThan(0.05);
  });

  it('give the exchange rate that a small step along the frontier has', () => {
    const [share, step] = [0.1, 1e-5];
    const [before, after] = [predict(forecast, share - step), predict(forecast, share + step)];
    const paid = after.newLoss.value - before.newLoss.value;
    const saved = before.oldLoss.value - after.oldLoss.value;
    expect(predict(forecast, share).exchangeRate).toBeCloseTo(paid / saved, 5);
  });

  it('recommend the smallest share that keeps the limit, and nothing where none does', () => {
    const limit = 0.4;
    // By hand: 2.1 + 0.9 / (1 + 40 p)^0.7 = 2 + 0.4.
    const share = ((0.9 / 0.3) ** (1 / 0.7) - 1) / 40;
    const found = recommend(forecast, limit);
    expect(found.share).toBeCloseTo(share, 4);
    expect(found.prediction!.forgetting.value).toBeCloseTo(limit, 4);
    expect(found.hopeful).toBeLessThanOrEqual(found.share!);
    expect(found.careful).toBeGreaterThanOrEqual(found.share!);
    expect(recommend(forecast, 0.05)).toMatchObject({ share: null, careful: null, prediction: null });
    expect(recommend(forecast, 5).share).toBe(0);
    expect(refusal(() => recommend(forecast, NaN)).allowed).toMatch(/nats/);
  });

  it('are told as plain data', () => {
    expect(forecastSchema.parse(JSON.parse(JSON.stringify(forecast)))).toEqual(forecast);
  });
});

describe('a forecast is refused', () => {
  it.each([0.500001, -0.01, 0.9, NaN])('outside the range of its pilots: %s', (share) => {
    const error = refusal(() => predict(german, share));
    expect(error).toMatchObject({ code: 'BAD_INPUT', allowed: expect.stringContaining('0 % to 50 %') as string });
    expect(error.hint).toMatch(/pilot/);
  });

  it.each<[string, Pilot[]]>([
    ['three pilots', [pilot(0, 3, 1), pilot(0.1, 2, 1), pilot(0.5, 2, 1)]],
    ['two at one share', [pilot(0, 3, 1), pilot(0.1, 2, 1), pilot(0.1, 2, 1), pilot(0.5, 2, 1)]],
    ['a loss that is no number', [pilot(0, NaN, 1), pilot(0.01, 2, 1), pilot(0.1, 2, 1), pilot(0.5, 2, 1)]],
    ['nothing', []],
  ])('for %s', (_, pilots) => {
    expect(refusal(() => fitForecast(pilots, { newLoss: 1, oldLoss: 1 }))).toMatchObject({
      code: 'BAD_INPUT',
      hint: expect.stringContaining('50 %') as string,
    });
  });
});
