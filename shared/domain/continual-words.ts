/** The figures of a line of tasks for people: what each is called, and what its value says, in a sentence. Definitions: continual.ts. */

export const LINE_FIGURES = [
  'averageScore',
  'backwardTransfer',
  'forwardTransfer',
  'forgetting',
  'intransigence',
  'avalancheForgetting',
  'mammothForgetting',
] as const;
export type LineFigure = (typeof LINE_FIGURES)[number];

interface FigureWords {
  label: string;
  /** The formula, as science writes it. */
  formula: string;
  /** Whether more is better; the other programs' figures are theirs, and neither. */
  isBetter: 'more' | 'less';
  /** @param size the value without its sign, with its unit. */
  says: (value: number, size: string) => string;
}

/** So small a change is called none. */
const NONE = 5e-5;
const isNone = (value: number): boolean => Math.abs(value) < NONE;

export const FIGURE_WORDS: Record<LineFigure, FigureWords> = {
  averageScore: {
    label: 'Average score',
    formula: 'mean of R[T, i]',
    isBetter: 'more',
    says: (_, size) => `At the end of the line, the loss over all tasks is ${size} on average.`,
  },
  backwardTransfer: {
    label: 'Backward transfer',
    formula: 'mean of R[T, i] − R[i, i], i < T',
    isBetter: 'more',
    says: (value, size) =>
      isNone(value)
        ? 'Earlier tasks are known as well as right after they were learned.'
        : `Earlier tasks became ${value > 0 ? 'better' : 'worse'} by ${size} after they were learned.`,
  },
  forwardTransfer: {
    label: 'Forward transfer',
    formula: 'mean of R[i − 1, i] − R[0, i], i > 1',
    isBetter: 'more',
    says: (value, size) =>
      isNone(value)
        ? 'What came before made no difference to a task before it was trained.'
        : `What came before ${value > 0 ? 'helped' : 'hurt'} a task by ${size}, before it was trained itself.`,
  },
  forgetting: {
    label: 'Forgetting (RWalk)',
    formula: 'mean of max R[t, i] over 1 ≤ t < T, less R[T, i], i < T',
    isBetter: 'less',
    says: (value, size) =>
      isNone(value)
        ? 'Earlier tasks are known as well as they ever were.'
        : value > 0
          ? `Earlier tasks were once known better, by ${size}.`
          : `Earlier tasks are known better than ever before, by ${size}.`,
  },
  intransigence: {
    label: 'Intransigence (RWalk)',
    formula: 'R*_T − R[T, T]',
    isBetter: 'less',
    says: (value, size) =>
      isNone(value)
        ? 'The last task was learned as well as by a model that learned all tasks together.'
        : `The last task was learned ${value > 0 ? 'worse' : 'better'}, by ${size}, than by a model that learned all tasks together.`,
  },
  avalancheForgetting: {
    label: 'Forgetting (Avalanche)',
    formula: 'mean of R[i, i] − R[T, i], i < T',
    isBetter: 'less',
    says: (value, size) => `First score of a task less its last: ${value < 0 ? '−' : ''}${size}. It is minus the backward transfer.`,
  },
  mammothForgetting: {
    label: 'Forgetting (Mammoth)',
    formula: 'mean of max R[t, i] over 1 ≤ t ≤ T, less R[T, i], i < T',
    isBetter: 'less',
    says: (_, size) => `The maximum includes the last row, so it is never below 0: ${size}.`,
  },
};

/** Why a figure has no value. */
export function whyNoFigure(figure: LineFigure, tasks: number): string {
  if (figure === 'intransigence') return 'It needs a model that learned all tasks together: name one, and measure what is missing.';
  if (figure !== 'averageScore' && tasks < 2) return 'It needs a second task.';
  return 'Scores that it needs are not measured.';
}
