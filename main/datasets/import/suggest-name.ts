import { basename, extname } from 'node:path';
import { formatOf } from '../readers/formats.ts';
import { archiveOf } from '../sources/archive-kind.ts';
import { nameUnpacked } from '../sources/unpacked-file.ts';

/** What a dataset of these files and folders is called where nobody says. */
export function suggestName(paths: readonly string[]): string {
  const unpacked = nameUnpacked(basename(paths[0]!));
  const isNamed = formatOf(unpacked) !== null || archiveOf(unpacked) !== null;
  const first = isNamed ? unpacked.slice(0, unpacked.length - extname(unpacked).length) : unpacked;
  return paths.length === 1 ? first || 'dataset' : `${first} and ${paths.length - 1} more`;
}
