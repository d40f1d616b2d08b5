import type { Distance, Movement } from '../../shared/domain/movement.ts';
import { count, percent, table } from './format.ts';

/** Blocks a line: how far their weights are from where they began, and how alike their hidden states are to the base's. */
export function describeMovement({ blocks, outside, text }: Movement): string {
  const rows = blocks.map(({ block, inserted, from, similarity, ...distance }) => [
    String(block),
    inserted ? `new, copy of ${from}` : `base's ${from}`,
    ...figures(distance),
    similarity === null ? '-' : similarity.toFixed(4),
  ]);
  rows.push(['', 'outside the blocks', ...figures(outside), '']);
  const measuredOn = text
    ? `CKA on ${count(text.tokens)} held-out tokens of ${text.datasets.join(', ')}; 1 is as the base.`
    : 'There is no old data to compare hidden states on.';
  return `${table(['block', 'was', 'distance', 'changed', 'CKA'], rows)}\n\nDistance: norm of the change over the norm before. ${measuredOn}`;
}

function figures({ relative, changed }: Distance): [string, string] {
  return [relative === null ? '-' : relative.toFixed(4), percent(changed)];
}
