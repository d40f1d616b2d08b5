/** Magnifications that the menu goes through, as browsers do. */
const STEPS: readonly number[] = [0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** The next larger or smaller magnification; at the end of the row it stays. */
export function nextZoom(present: number, direction: 'in' | 'out'): number {
  const next = direction === 'in' ? STEPS.find((step) => step > present + 0.001) : STEPS.findLast((step) => step < present - 0.001);
  return next ?? present;
}
