/** How near to nothing or all of it a dial must be to be there. */
const SNAP = 0.04;

/** A dial's value in hundredths, pulled to 0 and 1 where it is near. */
export function snapped(strength: number): number {
  if (strength < SNAP) return 0;
  return strength > 1 - SNAP ? 1 : Math.round(strength * 100) / 100;
}
