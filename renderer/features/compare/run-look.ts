/** How a run is drawn, the same wherever it appears: in colour, and by its shape and dashes for who cannot tell the colours. */
export interface RunLook {
  /** A CSS custom property of the theme. */
  colour: string;
  shape: Shape;
  /** Of its curves; absent: a line. */
  dash?: number[];
}

export const SHAPES = ['circle', 'square', 'triangle', 'diamond', 'cross'] as const;
export type Shape = (typeof SHAPES)[number];
const DASHES: readonly (number[] | undefined)[] = [undefined, [7, 4], [2, 3], [10, 4, 2, 4], [14, 5]];
/** `--run-1` and so on in styles/tokens.css. */
const COLOURS = 10;
export const LOOKS = COLOURS * SHAPES.length;

function lookOf(index: number): RunLook {
  const round = Math.floor(index / COLOURS) % SHAPES.length;
  const dash = DASHES[round];
  return { colour: `--run-${(index % COLOURS) + 1}`, shape: SHAPES[round]!, ...(dash && { dash }) };
}

/**
 * Which look each of the runs has that are shown together: the one that it had before, unless another of them has it, otherwise the first
 * that is free. Beyond {@link LOOKS} runs they begin anew.
 * @param given by run; what is chosen is put into it.
 */
export function assignLooks(runs: readonly string[], given: Map<string, number>): Map<string, RunLook> {
  const taken = new Set<number>();
  const looks = new Map<string, RunLook>();
  const settled = (run: string): number | undefined => {
    const index = given.get(run);
    return index === undefined || taken.has(index) ? undefined : index;
  };
  // Those that have one keep it, whatever the order.
  for (const run of runs) {
    const index = settled(run);
    if (index !== undefined) taken.add(index);
    else given.delete(run);
  }
  for (const [place, run] of runs.entries()) {
    let index = given.get(run);
    if (index === undefined) {
      index = 0;
      while (taken.has(index)) index++;
      if (index >= LOOKS) index = place % LOOKS;
      taken.add(index);
      given.set(run, index);
    }
    looks.set(run, lookOf(index));
  }
  return looks;
}

/** The outline of a shape around a point, as an SVG path. All look about equally large. */
export function shapePath(shape: Shape, x: number, y: number, radius: number): string {
  const r = radius;
  switch (shape) {
    case 'circle':
      return `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`;
    case 'square':
      return `M${x - 0.9 * r},${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`;
    case 'triangle':
      return `M${x},${y - 1.2 * r}L${x + 1.1 * r},${y + 0.8 * r}H${x - 1.1 * r}Z`;
    case 'diamond':
      return `M${x},${y - 1.25 * r}L${x + 1.25 * r},${y}L${x},${y + 1.25 * r}L${x - 1.25 * r},${y}Z`;
    case 'cross': {
      const a = 0.42 * r;
      return `M${x - a},${y - 1.2 * r}h${2 * a}V${y - a}H${x + 1.2 * r}v${2 * a}H${x + a}V${y + 1.2 * r}h${-2 * a}V${y + a}H${x - 1.2 * r}v${-2 * a}H${x - a}Z`;
    }
  }
}
