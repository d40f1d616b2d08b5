import type { ImportedFile } from '../../shared/contract/dataset-import.ts';
import type { DatasetManifest } from './dataset-manifest.ts';

/** What a list of datasets shows of one, and what became of its files. */
export type DatasetSummary = Pick<
  DatasetManifest,
  | 'name'
  | 'documents'
  | 'heldOutDocuments'
  | 'bytes'
  | 'hash'
  | 'source'
  | 'origin'
  | 'licence'
  | 'kinds'
  | 'languages'
  | 'version'
  | 'parent'
  | 'sampleOf'
> & { files: ImportedFile[] };

export function summaryOf(manifest: DatasetManifest): DatasetSummary {
  const { name, documents, heldOutDocuments, bytes, hash, source, origin, licence, kinds, languages, version, parent, sampleOf } = manifest;
  const files = tellingFiles(manifest.files);
  return { name, documents, heldOutDocuments, bytes, hash, source, origin, licence, kinds, languages, version, parent, sampleOf, files };
}

/** More files are not listed: a million of them would take a page longer to show than an import took to read. */
const MOST_LISTED = 1000;
const MOST_TELLING = ['failed', 'skipped', 'imported'];

/**
 * What became of files, for a list that people read. Of very many those that failed and those that were skipped come first, and the last entry
 * says how many are not listed.
 */
export function tellingFiles(files: readonly ImportedFile[]): ImportedFile[] {
  const shown = ({ path, status, reason }: ImportedFile): ImportedFile => ({ path, status, reason });
  if (files.length <= MOST_LISTED) return files.map(shown);
  const telling = MOST_TELLING.flatMap((status) => files.filter((file) => file.status === status));
  const counts = countFiles(telling.slice(MOST_LISTED));
  const rest: ImportedFile = {
    path: `${(files.length - MOST_LISTED).toLocaleString('en-US')} more files`,
    status: telling[MOST_LISTED]!.status,
    reason: `${counts}. All files stand in the dataset's dataset.json.`,
  };
  return [...telling.slice(0, MOST_LISTED).map(shown), rest];
}

/** How many files became what: "1,200 imported, 3 skipped". */
export function countFiles(files: readonly Pick<ImportedFile, 'status'>[]): string {
  const counts = (['imported', 'skipped', 'failed'] as const).map(
    (status) => [files.filter((file) => file.status === status).length, status] as const,
  );
  return counts
    .filter(([count]) => count > 0)
    .map(([count, status]) => `${count.toLocaleString('en-US')} ${status}`)
    .join(', ');
}
