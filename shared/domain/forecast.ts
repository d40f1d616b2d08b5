import { z } from 'zod';
import { StrataError } from '../errors.ts';
import { fitNewLaw, fitOldLaw, newLawSchema, newLossAt, newSlopeAt, oldLawSchema, oldLossAt, oldSlopeAt } from './forecast-laws.ts';

/** What a few short runs say about others of the same length and data at other replay shares. Pure: fitted, drawn and asked anywhere. */

/** Shares of the pilots that a forecast is made from: the law of old text bends most in the first percent. */
export const PILOT_SHARES = [0, 0.01, 0.1, 0.5] as const;
/** Fewer do not determine the laws. */
export const LEAST_PILOTS = 4;

/** One pilot: its replay share and held-out losses at its end, nats per token, with their standard errors where they are known. */
export const pilotSchema = z.object({
  share: z.number(),
  newLoss: z.number(),
  oldLoss: z.number(),
  newError: z.number().nullable(),
  oldError: z.number().nullable(),
});
export type Pilot = z.infer<typeof pilotSchema>;

const lawsSchema = z.object({ old: oldLawSchema, new: newLawSchema });

export const forecastSchema = z.object({
  pilots: z.array(pilotSchema),
  /** Held-out losses of the base, before any training. */
  base: z.object({ newLoss: z.number(), oldLoss: z.number() }),
  laws: lawsSchema,
  /** The laws fitted without one of the inner pilots, which the band is made of. */
  withoutOne: z.array(lawsSchema.extend({ share: z.number() })),
  /** Root mean square of what the laws miss their own pilots by, nats per token. */
  rmse: z.object({ new: z.number(), old: z.number() }),
});
export type Forecast = z.infer<typeof forecastSchema>;

export const bandSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type Band = z.infer<typeof bandSchema>;

/** What is to be expected of a run at a replay share. */
export const predictionSchema = z.object({
  share: z.number(),
  newLoss: bandSchema,
  oldLoss: bandSchema,
  /** Against the base: drop of the loss on new, rise of it on old. */
  gain: bandSchema,
  forgetting: bandSchema,
  /** Nats of loss on new that are paid for each nat saved on old by a little more replay; null where more saves nothing. */
  exchangeRate: z.number().nullable(),
});
export type Prediction = z.infer<typeof predictionSchema>;

/**
 * Fits both laws, and again without each inner pilot. With one pilot fewer than the law of old text has parameters, its power is kept. A
 * refit without the first or last pilot would be an extrapolation and is not made.
 * @throws StrataError BAD_INPUT for too few pilots, two at one share, or losses that are no numbers.
 */
export function fitForecast(pilots: readonly Pilot[], base: Forecast['base']): Forecast {
  checkPilots(pilots);
  const sorted = [...pilots].sort((a, b) => a.share - b.share);
  const fit = (from: readonly Pilot[], power: number | null): z.infer<typeof lawsSchema> => ({
    old: fitOldLaw(
      from.map(({ share, oldLoss }) => ({ share, loss: oldLoss })),
      power,
    ),
    new: fitNewLaw(from.map(({ share, newLoss }) => ({ share, loss: newLoss }))),
  });
  const laws = fit(sorted, null);
  const withoutOne = sorted.slice(1, -1).map(({ share }) => {
    const rest = sorted.filter((pilot) => pilot.share !== share);
    return { share, ...fit(rest, rest.length < LEAST_PILOTS ? laws.old.power : null) };
  });
  const rms = (misses: number[]): number => Math.sqrt(misses.reduce((sum, miss) => sum + miss ** 2, 0) / misses.length);
  const rmse = {
    new: rms(sorted.map(({ share, newLoss }) => newLossAt(laws.new, share) - newLoss)),
    old: rms(sorted.map(({ share, oldLoss }) => oldLossAt(laws.old, share) - oldLoss)),
  };
  return { pilots: sorted, base, laws, withoutOne, rmse };
}

function checkPilots(pilots: readonly Pilot[]): void {
  const shares = new Set(pilots.map(({ share }) => share));
  const found = pilots.map(({ share, newLoss, oldLoss }) => `${asPercent(share)}: new ${newLoss}, old ${oldLoss}`).join('; ') || 'none';
  const isUsable = pilots.every(
    ({ share, newLoss, oldLoss }) => share >= 0 && share < 1 && Number.isFinite(newLoss) && Number.isFinite(oldLoss),
  );
  if (isUsable && pilots.length >= LEAST_PILOTS && shares.size === pilots.length) return;
  throw new StrataError('BAD_INPUT', 'These pilots make no forecast.', {
    found,
    allowed: `${LEAST_PILOTS} or more finished pilots with losses on new and old text, each at another replay share from 0 up to, but not including, 1`,
    hint: `Use pilots at ${PILOT_SHARES.map(asPercent).join(', ')}.`,
  });
}

/** The shares between which a forecast says anything. */
export function rangeOf({ pilots }: Forecast): { least: number; most: number } {
  return { least: pilots[0]!.share, most: pilots.at(-1)!.share };
}

/**
 * What is to be expected at a share. The band holds every refit without one pilot, and is as wide on both sides as the laws miss their own
 * pilots or the pilots' losses are uncertain, whichever is more.
 * @throws StrataError BAD_INPUT for a share outside the pilots'.
 */
export function predict(forecast: Forecast, share: number): Prediction {
  const { least, most } = rangeOf(forecast);
  if (!(share >= least && share <= most)) {
    throw new StrataError('BAD_INPUT', 'A forecast says nothing outside the range of its pilots.', {
      found: `a replay share of ${asPercent(share)}`,
      allowed: `${asPercent(least)} to ${asPercent(most)}, the least and the largest share of a pilot`,
      hint: 'Choose a share in between, or make a forecast with a pilot at that share.',
    });
  }
  const { laws, withoutOne, pilots, rmse, base } = forecast;
  const newLoss = bandOf(
    [laws, ...withoutOne].map((each) => newLossAt(each.new, share)),
    widthOf(
      rmse.new,
      pilots.map(({ newError }) => newError),
    ),
  );
  const oldLoss = bandOf(
    [laws, ...withoutOne].map((each) => oldLossAt(each.old, share)),
    widthOf(
      rmse.old,
      pilots.map(({ oldError }) => oldError),
    ),
  );
  const saved = -oldSlopeAt(laws.old, share);
  return {
    share,
    newLoss,
    oldLoss,
    gain: { value: base.newLoss - newLoss.value, low: base.newLoss - newLoss.high, high: base.newLoss - newLoss.low },
    forgetting: {
      value: oldLoss.value - base.oldLoss,
      low: oldLoss.low - base.oldLoss,
      high: oldLoss.high - base.oldLoss,
    },
    exchangeRate: saved > 0 ? newSlopeAt(laws.new, share) / saved : null,
  };
}

/** @param values the law's own first. */
function bandOf(values: readonly number[], width: number): Band {
  return { value: values[0]!, low: Math.min(...values) - width, high: Math.max(...values) + width };
}

function widthOf(rmse: number, errors: readonly (number | null)[]): number {
  return Math.max(rmse, ...errors.map((error) => error ?? 0));
}

/** Predictions over the whole range, close together where the laws bend most, for a chart of the frontier. */
export function frontierOf(forecast: Forecast, count = 50): Prediction[] {
  const { least, most } = rangeOf(forecast);
  return Array.from({ length: count }, (_, index) =>
    predict(forecast, Math.min(most, least + (most - least) * (index / (count - 1)) ** 2)),
  );
}

/** The smallest replay share that keeps forgetting within a limit; null where none of the range does. */
export const recommendationSchema = z.object({
  /** Largest rise of the loss on old that is allowed, nats per token. */
  limit: z.number(),
  /** By the laws, and by the hopeful and the careful side of the band. */
  share: z.number().nullable(),
  hopeful: z.number().nullable(),
  careful: z.number().nullable(),
  /** What is to be expected there. */
  prediction: predictionSchema.nullable(),
});
export type Recommendation = z.infer<typeof recommendationSchema>;

export function recommend(forecast: Forecast, limit: number): Recommendation {
  if (!Number.isFinite(limit)) {
    throw new StrataError('BAD_INPUT', 'The limit on forgetting is no number.', {
      found: String(limit),
      allowed: 'a rise of the held-out loss on old text in nats per token, such as 0.05',
    });
  }
  const smallest = (side: keyof Band): number | null => smallestShare(forecast, (at) => at.forgetting[side] <= limit);
  const share = smallest('value');
  return {
    limit,
    share,
    hopeful: smallest('low'),
    careful: smallest('high'),
    prediction: share === null ? null : predict(forecast, share),
  };
}

/** Places at which a band, which need not fall everywhere, is looked at; between two of them it is halved. */
const LOOKED_AT = 400;
const HALVINGS = 40;

function smallestShare(forecast: Forecast, isWithin: (prediction: Prediction) => boolean): number | null {
  const shares = frontierOf(forecast, LOOKED_AT);
  const first = shares.findIndex(isWithin);
  if (first <= 0) return first === 0 ? shares[0]!.share : null;
  let [low, high] = [shares[first - 1]!.share, shares[first]!.share];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (isWithin(predict(forecast, middle))) high = middle;
    else low = middle;
  }
  return high;
}

/** How wrong a forecast was about a run that has been made since. */
export const forecastErrorSchema = z.object({
  share: z.number(),
  /** Measured less predicted, nats per token. */
  newLoss: z.number(),
  oldLoss: z.number(),
  /** Whether what was measured lies in the band. */
  isWithin: z.object({ newLoss: z.boolean(), oldLoss: z.boolean() }),
});
export type ForecastError = z.infer<typeof forecastErrorSchema>;

/** @throws StrataError BAD_INPUT for a run outside the range. */
export function forecastError(forecast: Forecast, measured: Pick<Pilot, 'share' | 'newLoss' | 'oldLoss'>): ForecastError {
  const { newLoss, oldLoss } = predict(forecast, measured.share);
  const isWithin = ({ low, high }: Band, loss: number): boolean => loss >= low && loss <= high;
  return {
    share: measured.share,
    newLoss: measured.newLoss - newLoss.value,
    oldLoss: measured.oldLoss - oldLoss.value,
    isWithin: { newLoss: isWithin(newLoss, measured.newLoss), oldLoss: isWithin(oldLoss, measured.oldLoss) },
  };
}

function asPercent(share: number): string {
  return `${Number((share * 100).toFixed(4))} %`;
}
