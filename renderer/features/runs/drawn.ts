import type { DrawnWindows, RunConfiguration } from '../../../shared/domain/run.ts';

/** The windows that a run drew, beside what its mixture planned. */

type Mixed = Pick<RunConfiguration, 'datasets' | 'mixture' | 'replayShare' | 'batch'>;

/** A dataset's part of what was drawn, and of what was planned for the whole run; null where the run does not say. */
export interface DrawnShare {
  name: string;
  role: 'new' | 'old';
  windows: number;
  drawn: number;
  planned: number | null;
}

export function drawnShares(windows: DrawnWindows, configuration: Mixed): DrawnShare[] {
  return configuration.datasets.map(({ name, role }, place) => {
    const count = windows.counts[place] ?? 0;
    return {
      name,
      role,
      windows: count,
      drawn: windows.total === 0 ? 0 : count / windows.total,
      planned: plannedShare(configuration, place),
    };
  });
}

function plannedShare({ datasets, mixture, replayShare }: Mixed, place: number): number | null {
  const { id, role } = datasets[place]!;
  const isAlone = datasets.filter((each) => each.role === role).length === 1;
  const weight = mixture ? (mixture.weights[id] ?? 0) : isAlone ? 1 : null; // runs from before mixtures were described
  return weight === null ? null : weight * (role === 'old' ? replayShare : 1 - replayShare);
}

/** A window as it is drawn: in the column of its step, from the top. */
export interface Cell {
  place: number;
  column: number;
  row: number;
}

/** The last steps as columns of windows; of the first only those that are known, at the bottom of it. */
export function columnsOfSteps(
  { total, last }: DrawnWindows,
  { batch }: Pick<Mixed, 'batch'>,
): { cells: Cell[]; firstStep: number; columns: number } {
  const firstPosition = total - last.length;
  const firstStep = Math.floor(firstPosition / batch);
  const cells = last.map((place, index): Cell => {
    const position = firstPosition + index;
    return { place, column: Math.floor(position / batch) - firstStep, row: position % batch };
  });
  return { cells, firstStep: firstStep + 1, columns: Math.ceil(total / batch) - firstStep };
}
