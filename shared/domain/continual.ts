import { type DocumentSums, type Estimate, estimateRatio } from './statistics.ts';

/**
 * What a model learned and kept over a line of tasks, from the matrix of scores R[t, i] on task i after training task t. Definitions: GEM
 * (Lopez-Paz and Ranzato 2017, arXiv 1706.08840) for average and transfer, RWalk (Chaudhry et al. 2018, arXiv 1801.10112) for forgetting and
 * intransigence. Scores are larger where the model is better: of a loss, minus the loss.
 */

/** A score with its standard error, and what each document adds to it: value = total of sums / total of weights. Null where that is not known. */
export interface Score extends Estimate {
  documents: DocumentSums | null;
}

/** Row t = 0 to T: after training task t, 0 before any. Column i - 1: task i = 1 to T. Null where it was not measured. */
export type ScoreMatrix = readonly (readonly (Score | null)[])[];

/** A score's part of a figure that is a sum of them. Figures of different tasks are of different documents. */
interface Term {
  task: number;
  score: Score | null;
  factor: number;
}

/** ACC_T = mean of R[T, i] over the tasks i = 1 to T. */
export function averageScore(matrix: ScoreMatrix): Estimate | null {
  const tasks = taskCount(matrix);
  return combined(range(1, tasks).map((task) => ({ task, score: at(matrix, tasks, task), factor: 1 / tasks })));
}

/** BWT = mean of R[T, i] - R[i, i] over i < T: below 0 where earlier tasks became worse. Null with fewer than two tasks. */
export function backwardTransfer(matrix: ScoreMatrix): Estimate | null {
  const tasks = taskCount(matrix);
  return combined(range(1, tasks - 1).flatMap((task) => difference(matrix, task, { from: task, to: tasks, share: 1 / (tasks - 1) })));
}

/**
 * FWT = mean of R[i-1, i] - R[0, i] over i = 2 to T: above 0 where earlier tasks helped before the task itself was trained. The reference is the
 * model before any training of the line; GEM takes one with random weights. Null with fewer than two tasks.
 */
export function forwardTransfer(matrix: ScoreMatrix): Estimate | null {
  const tasks = taskCount(matrix);
  return combined(range(2, tasks).flatMap((task) => difference(matrix, task, { from: 0, to: task - 1, share: 1 / (tasks - 1) })));
}

/**
 * RWalk's F_T = mean of max{R[t, i] : 1 <= t < T} - R[T, i] over i < T: above 0 where a task was once known better; below 0 where all tasks are
 * known best at the end. Its error takes the best row as given. Null with fewer than two tasks.
 */
export function forgetting(matrix: ScoreMatrix): Estimate | null {
  return bestLessLast(matrix, taskCount(matrix) - 1);
}

/** Mammoth's forgetting (`utils/metrics.py` of aimagelab/mammoth): as {@link forgetting}, but the last row is among those of the maximum, so it is never below 0. */
export function mammothForgetting(matrix: ScoreMatrix): Estimate | null {
  return bestLessLast(matrix, taskCount(matrix));
}

/** Avalanche's stream forgetting: the first score of a task less its last, R[i, i] - R[T, i], over i < T. It is minus the backward transfer. */
export function avalancheForgetting(matrix: ScoreMatrix): Estimate | null {
  const transfer = backwardTransfer(matrix);
  return transfer && { ...transfer, value: -transfer.value };
}

/**
 * RWalk's I_t = R*_t - R[t, t], where R*_t is the score on task t of a model that was trained on the tasks 1 to t together: above 0 where learning
 * one after the other left something unlearned. Null without such a model.
 */
export function intransigence(matrix: ScoreMatrix, task: number, joint: Score | null): Estimate | null {
  return combined([
    { task, score: joint, factor: 1 },
    { task, score: at(matrix, task, task), factor: -1 },
  ]);
}

/** Score `to` less score `from` of one task: what happened to it in between. */
export function changeOf(from: Score | null, to: Score | null): Estimate | null {
  return combined([
    { task: 0, score: to, factor: 1 },
    { task: 0, score: from, factor: -1 },
  ]);
}

/** Mean over tasks i < T of the best of the rows 1 to `lastRow` less the last row. */
function bestLessLast(matrix: ScoreMatrix, lastRow: number): Estimate | null {
  const tasks = taskCount(matrix);
  return combined(
    range(1, tasks - 1).flatMap((task) => {
      const scores = range(1, lastRow).map((row) => at(matrix, row, task));
      const isKnown = scores.every((score) => score !== null);
      const best = isKnown ? scores.reduce((most, score) => (score.value > most.value ? score : most)) : null;
      return [
        { task, score: best, factor: 1 / (tasks - 1) },
        { task, score: at(matrix, tasks, task), factor: -1 / (tasks - 1) },
      ];
    }),
  );
}

function difference(matrix: ScoreMatrix, task: number, { from, to, share }: { from: number; to: number; share: number }): Term[] {
  return [
    { task, score: at(matrix, to, task), factor: share },
    { task, score: at(matrix, from, task), factor: -share },
  ];
}

/** Sum of scores with their factors; null where there is none, or one was not measured. Tasks are independent of each other. */
function combined(terms: readonly Term[]): Estimate | null {
  if (terms.length === 0 || terms.some(({ score }) => score === null)) return null;
  const known = terms as (Term & { score: Score })[];
  const errors = [...new Set(known.map(({ task }) => task))].map((task) => errorOf(merged(known.filter((term) => term.task === task))));
  return {
    value: known.reduce((sum, { score, factor }) => sum + factor * score.value, 0),
    error: errors.some((error) => error === null) ? null : Math.hypot(...(errors as number[])),
  };
}

/**
 * Standard error of a sum of one task's scores. Of the same documents it is that of the sum document by document, which are drawn again together;
 * where documents are not known, scores count as independent, which is too large for a difference.
 */
function errorOf(terms: readonly (Term & { score: Score })[]): number | null {
  const documents = terms.map(({ score }) => score.documents);
  const [first] = documents;
  if (first && documents.every((each) => each && isSameWeights(each.weights, first.weights))) {
    const sums = Float64Array.from({ length: first.sums.length }, (_, document) =>
      terms.reduce((sum, { factor }, index) => sum + factor * documents[index]!.sums[document]!, 0),
    );
    return estimateRatio({ sums, weights: first.weights }).error;
  }
  const errors = terms.map(({ score, factor }) => score.error && factor * score.error);
  return errors.some((error) => error === null) ? null : Math.hypot(...(errors as number[]));
}

/** Terms of the same score as one: what is taken from itself has no error. */
function merged<Known extends Term>(terms: readonly Known[]): Known[] {
  const scores = [...new Set(terms.map(({ score }) => score))];
  return scores.map((score) => {
    const same = terms.filter((term) => term.score === score);
    return { ...same[0]!, factor: same.reduce((sum, { factor }) => sum + factor, 0) };
  });
}

function isSameWeights(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.prototype.every.call(a, (weight: number, index) => weight === b[index]);
}

function taskCount(matrix: ScoreMatrix): number {
  return matrix.length - 1;
}

function at(matrix: ScoreMatrix, row: number, task: number): Score | null {
  return matrix[row]![task - 1] ?? null;
}

/** Whole numbers from `first` to `last`, both of them; none when `last` is smaller. */
function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
