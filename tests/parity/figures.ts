import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What was compared: the rows of a table in docs/parity.md. */
export type FigureKind = 'gradients' | 'training' | 'expansion';

/**
 * Leaves the figures of a comparison for `npm run parity -- --record`, which names a folder in STRATA_PARITY_FIGURES; nothing otherwise. To be
 * called once they have passed.
 */
export function recordFigures(kind: FigureKind, model: string, method: string, figures: Record<string, number | string>): void {
  const folder = process.env.STRATA_PARITY_FIGURES;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  const name = `${kind} ${model} ${method}`.replaceAll(/[^\w.-]+/g, '-');
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ kind, model, method, ...figures }));
}
