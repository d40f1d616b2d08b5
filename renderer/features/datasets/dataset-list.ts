import type { DatasetInfo, TokenCount } from '../../../shared/contract/datasets.ts';
import { kindsInWords, languagesInWords } from './words.ts';

/** Finding and ordering datasets among many. */

export const DATASET_ORDERS = ['newest', 'name', 'tokens', 'bytes'] as const;
export type DatasetOrder = (typeof DATASET_ORDERS)[number];

/** Those of which every word of the query says something, in the wanted order; the given list stays as it is. */
export function arrangeDatasets(
  datasets: readonly DatasetInfo[],
  query: string,
  order: DatasetOrder,
  tokensOf: (dataset: string) => TokenCount | null,
): DatasetInfo[] {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = datasets.filter((dataset) => {
    const text = textOf(dataset);
    return wanted.every((word) => text.includes(word));
  });
  return matching.sort(COMPARE[order](tokensOf));
}

function textOf({ name, source, origin, licence, kinds, languages }: DatasetInfo): string {
  return [name, source, origin, licence, kindsInWords(kinds), languagesInWords(languages)].join(' ').toLowerCase();
}

type Compare = (tokensOf: (dataset: string) => TokenCount | null) => (a: DatasetInfo, b: DatasetInfo) => number;
const COMPARE: Readonly<Record<DatasetOrder, Compare>> = {
  newest: () => (a, b) => b.createdAt.localeCompare(a.createdAt),
  name: () => (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  tokens: (tokensOf) => (a, b) => (tokensOf(b.id)?.tokens ?? 0) - (tokensOf(a.id)?.tokens ?? 0),
  bytes: () => (a, b) => b.bytes - a.bytes,
};
