import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { SuiteTable, SuiteRow } from '../../../shared/contract/suites.ts';

/** A model of the workspace, and what is known of it; null before anything was measured. */
export interface ModelRow {
  model: Pick<ModelInfo, 'id' | 'name'>;
  /** Id of the run that made it; null for a base. */
  run: string | null;
  row: SuiteRow | null;
  /** Parts that are not measured. */
  missing: number;
}

/** Models that were measured before the others, and each base before what was made from it. */
export function modelRows({ suite, rows }: SuiteTable, models: readonly ModelInfo[]): ModelRow[] {
  const placed = new Set<string>();
  const inOrder: ModelInfo[] = [];
  const place = (model: ModelInfo): void => {
    if (placed.has(model.id)) return;
    placed.add(model.id);
    inOrder.push(model);
    for (const made of models) if (made.baseModel === model.id) place(made);
  };
  for (const model of models) if (!models.some(({ id }) => id === model.baseModel)) place(model);
  for (const model of models) place(model);
  const all = inOrder.map(({ id, name, run }): ModelRow => {
    const row = rows.find((each) => each.model.id === id) ?? null;
    const missing = row ? row.cells.filter(({ result }) => result === null).length : suite.parts.length;
    return { model: { id, name }, run, row, missing };
  });
  return [...all.filter(({ row }) => row !== null), ...all.filter(({ row }) => row === null)];
}
