/** A straight axis: values to places on the page, and where it is marked. */
export interface Scale {
  place(value: number): number;
  ticks: number[];
  /** A tick in as many digits as tell it from its neighbours. */
  label(value: number): string;
}

/** @param pixels where the least and the largest value lie. */
export function scaleOf(
  values: readonly number[],
  [from, to]: readonly [number, number],
  wantedTicks: number,
  startsAtZero = false,
): Scale {
  const [low, high] = paddedRange(values, startsAtZero);
  const step = niceStep((high - low) / wantedTicks);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    place: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks,
    label: (value) => {
      if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(6))} M`;
      const text =
        Math.abs(value) < step / 2 ? '0' : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
      return text.replace('-', '\u2212');
    },
  };
}

/** A little wider than the values, so that no point lies on the frame; one alone gets some room on both sides. */
function paddedRange(values: readonly number[], startsAtZero: boolean): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (startsAtZero) return [0, high > 0 ? high : 1];
  if (low === high) return [low - Math.max(Math.abs(low) * 0.1, 0.01), high + Math.max(Math.abs(high) * 0.1, 0.01)];
  const margin = (high - low) * 0.06;
  return [low - margin, high + margin];
}

/** 1, 2 or 5 times a power of ten, not below what is wanted. */
function niceStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= wanted * 0.999)!;
}
