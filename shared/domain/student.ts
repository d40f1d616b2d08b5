/** Student's t: how much wider an interval is that rests on few values (Student 1908). */

/** Of one to three degrees of freedom, where the expansion below is not near enough. */
const FEW_DEGREES = [12.70620474, 4.30265273, 3.18244631] as const;

/** What holds the middle 95 % of a normal distribution, in standard deviations to each side. */
export const NORMAL_95 = 1.959963985;

/**
 * What holds the middle 95 % of Student's t, in standard errors to each side; from four degrees of freedom on by the expansion of Cornish and
 * Fisher around the normal distribution (Abramowitz and Stegun 26.7.5), off by less than 0.008.
 * @param degrees of freedom, a whole number from 1.
 */
export function student95(degrees: number): number {
  const known = FEW_DEGREES[degrees - 1];
  if (known !== undefined) return known;
  const z = NORMAL_95;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}
