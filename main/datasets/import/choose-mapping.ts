import type { ChosenMapping } from '../../../shared/contract/dataset-import.ts';
import type { Mapping, ShapeGuess } from '../../../shared/domain/shape.ts';

/** What was chosen for rows with the columns of a guess, in whatever order; null where nothing was. */
export function chooserOf(mappings: readonly ChosenMapping[]): (guess: Pick<ShapeGuess, 'columns'>) => Mapping | null {
  const chosen = new Map(mappings.map(({ columns, mapping }) => [columnsKey(columns), mapping]));
  return ({ columns }) => chosen.get(columnsKey(columns.map(({ name }) => name))) ?? null;
}

/** The same for the same columns in any order. */
export function columnsKey(columns: readonly string[]): string {
  return JSON.stringify([...columns].sort());
}
