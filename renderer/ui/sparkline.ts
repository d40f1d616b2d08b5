/** Room around the line, so that its end's dot is not cut off. */
const MARGIN = 3;

/** Values as points of a picture, the least at the bottom; fewer than two have no course. Equal values lie in the middle. */
export function sparklinePoints(values: readonly number[], width: number, height: number): [x: number, y: number][] {
  if (values.length < 2) return [];
  const least = Math.min(...values);
  const range = Math.max(...values) - least;
  return values.map((value, index) => {
    const rise = range === 0 ? 0.5 : (value - least) / range;
    return [
      rounded(MARGIN + (index / (values.length - 1)) * (width - 2 * MARGIN)),
      rounded(height - MARGIN - rise * (height - 2 * MARGIN)),
    ];
  });
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
