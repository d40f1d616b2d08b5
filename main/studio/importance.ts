import type { Importance } from '../../shared/domain/importance.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { StrataError } from '../../shared/errors.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { bestImportance } from '../store/importances.ts';
import type { StoredModel } from '../store/models.ts';
import type { Reader } from '../store/open-store.ts';

/**
 * What each block of a model matters for old data, as it was measured: for placing new blocks.
 * @throws StrataError BAD_INPUT without old data, or when nothing was measured on them.
 */
export function importanceOf(
  store: Reader,
  model: Pick<StoredModel, 'name' | 'hash'>,
  old: readonly StoredDataset[],
  rendering: Rendering = DEFAULT_RENDERING,
): Importance {
  if (old.length === 0) throw needsOldData();
  const importance = bestImportance(store, { modelHash: model.hash, datasetHashes: renderedHashes(old, rendering) });
  if (importance) return importance;
  throw new StrataError('BAD_INPUT', 'Which blocks matter least has not been measured on these data.', {
    found: `no measurement of "${model.name}" on ${old.map(({ name }) => `"${name}"`).join(', ')}`,
    allowed: 'a table of the loss without each block',
    hint: `Measure it first: strata model importance ${JSON.stringify(model.name)} --old ${old.map(({ name }) => JSON.stringify(name)).join(' ')}${optionsOf(rendering)}`,
  });
}

/** What a table belongs to: datasets as they were written for the model. In the usual way these are the datasets' own hashes. */
export function renderedHashes(datasets: readonly StoredDataset[], { completions, learn }: Rendering): string[] {
  const isUsual = completions === DEFAULT_RENDERING.completions && learn === DEFAULT_RENDERING.learn;
  return datasets.map(({ hash }) => (isUsual ? hash : `${hash}:${completions}:${learn}`));
}

function optionsOf({ completions, learn }: Rendering): string {
  const options = [
    ...(completions === DEFAULT_RENDERING.completions ? [] : [` --completions ${completions}`]),
    ...(learn === DEFAULT_RENDERING.learn ? [] : [` --learn ${learn}`]),
  ];
  return options.join('');
}

/** The refusal to guess: what a block matters can only be said for text. */
export function needsOldData(): StrataError {
  return new StrataError('BAD_INPUT', 'Which blocks matter least is measured on old data, and there are none.', {
    found: 'no old dataset',
    allowed: 'one or more: what the model already does well, and must keep',
    hint: 'Name some with --old, or place the new blocks with --at even.',
  });
}
