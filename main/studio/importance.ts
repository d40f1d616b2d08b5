import type { Importance } from '../../shared/domain/importance.ts';
import { StrataError } from '../../shared/errors.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { bestImportance } from '../store/importances.ts';
import type { StoredModel } from '../store/models.ts';
import type { Reader } from '../store/open-store.ts';

/**
 * What each block of a model matters for old data, as it was measured: for placing new blocks.
 * @throws StrataError BAD_INPUT without old data, or when nothing was measured on them.
 */
export function importanceOf(store: Reader, model: Pick<StoredModel, 'name' | 'hash'>, old: readonly StoredDataset[]): Importance {
  if (old.length === 0) throw needsOldData();
  const importance = bestImportance(store, { modelHash: model.hash, datasetHashes: old.map(({ hash }) => hash) });
  if (importance) return importance;
  throw new StrataError('BAD_INPUT', 'Which blocks matter least has not been measured on these data.', {
    found: `no measurement of "${model.name}" on ${old.map(({ name }) => `"${name}"`).join(', ')}`,
    allowed: 'a table of the loss without each block',
    hint: `Measure it first: strata model importance ${JSON.stringify(model.name)} --old ${old.map(({ name }) => JSON.stringify(name)).join(' ')}`,
  });
}

/** The refusal to guess: what a block matters can only be said for text. */
export function needsOldData(): StrataError {
  return new StrataError('BAD_INPUT', 'Which blocks matter least is measured on old data, and there are none.', {
    found: 'no old dataset',
    allowed: 'one or more: what the model already does well, and must keep',
    hint: 'Name some with --old, or place the new blocks with --at even.',
  });
}
