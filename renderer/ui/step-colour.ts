/** How many colours there are for the steps of a model's line: `--step-1` and so on in styles/tokens.css. */
const STEP_COLOURS = 4;

/** The colour of a step, counted from 0, the same wherever it is shown; after the last one they begin anew. */
export function stepColour(step: number): string {
  return `var(--step-${(step % STEP_COLOURS) + 1})`;
}
