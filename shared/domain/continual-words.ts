import { words } from '../words/words.ts';

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

/** Three sentences: for a value above 0, below 0, and none. */
function bySign(value: number, above: string, below: string, none: string): string {
  if (isNone(value)) return none;
  return value > 0 ? above : below;
}

export function figureWords(figure: LineFigure): FigureWords {
  switch (figure) {
    case 'averageScore':
      return {
        label: words('lines.averageScore'),
        formula: words('lines.averageScoreFormula'),
        isBetter: 'more',
        says: (_, size) => words('lines.averageScoreIs', { size }),
      };
    case 'backwardTransfer':
      return {
        label: words('lines.backwardTransfer'),
        formula: words('lines.backwardTransferFormula'),
        isBetter: 'more',
        says: (value, size) =>
          bySign(
            value,
            words('lines.backwardTransferBetter', { size }),
            words('lines.backwardTransferWorse', { size }),
            words('lines.backwardTransferNone'),
          ),
      };
    case 'forwardTransfer':
      return {
        label: words('lines.forwardTransfer'),
        formula: words('lines.forwardTransferFormula'),
        isBetter: 'more',
        says: (value, size) =>
          bySign(
            value,
            words('lines.forwardTransferBetter', { size }),
            words('lines.forwardTransferWorse', { size }),
            words('lines.forwardTransferNone'),
          ),
      };
    case 'forgetting':
      return {
        label: words('lines.rwalkForgetting'),
        formula: words('lines.rwalkForgettingFormula'),
        isBetter: 'less',
        says: (value, size) =>
          bySign(
            value,
            words('lines.rwalkForgettingWorse', { size }),
            words('lines.rwalkForgettingBetter', { size }),
            words('lines.rwalkForgettingNone'),
          ),
      };
    case 'intransigence':
      return {
        label: words('lines.intransigence'),
        formula: words('lines.intransigenceFormula'),
        isBetter: 'less',
        says: (value, size) =>
          bySign(
            value,
            words('lines.intransigenceWorse', { size }),
            words('lines.intransigenceBetter', { size }),
            words('lines.intransigenceNone'),
          ),
      };
    case 'avalancheForgetting':
      return {
        label: words('lines.avalancheForgetting'),
        formula: words('lines.avalancheForgettingFormula'),
        isBetter: 'less',
        says: (value, size) => words('lines.avalancheForgettingIs', { size: value < 0 ? `−${size}` : size }),
      };
    case 'mammothForgetting':
      return {
        label: words('lines.mammothForgetting'),
        formula: words('lines.mammothForgettingFormula'),
        isBetter: 'less',
        says: (_, size) => words('lines.mammothForgettingIs', { size }),
      };
  }
}

/** Why a figure has no value. */
export function whyNoFigure(figure: LineFigure, tasks: number): string {
  if (figure === 'intransigence') return words('lines.needsJoint');
  if (figure !== 'averageScore' && tasks < 2) return words('lines.needsSecondTask');
  return words('lines.needsScores');
}
