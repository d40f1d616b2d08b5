import { stat } from 'node:fs/promises';
import { basename, join, resolve as absolutePath, sep } from 'node:path';
import type { ImportRequest } from '../../shared/contract/dataset-import.ts';
import { cleaningSettingsSchema, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { StrataError } from '../../shared/errors.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import { suggestName } from '../datasets/import/suggest-name.ts';
import { READABLE } from '../datasets/readers/formats.ts';
import { refuseMissing } from '../datasets/sources/refuse-missing.ts';
import { describeSource, newId, now, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { ImportRecord } from './import-folder.ts';
import { versionName } from './register-dataset.ts';

/** Everything that an import does, from what was asked for: of a later version what is not said is the earlier one's. */
export async function recordOf(context: StudioContext, datasets: Datasets, request: ImportRequest): Promise<ImportRecord> {
  const asked = request.newVersionOf === undefined ? null : await earlierOf(datasets, request.newVersionOf, request.paths !== undefined);
  // Absolute: "." has no name, and where a dataset came from must still be true from another folder.
  const paths = (request.paths ?? asked?.paths ?? []).map((path) => absolutePath(path));
  if (paths.length === 0) {
    throw new StrataError('BAD_INPUT', 'Nothing says what to import.', {
      found: 'no paths',
      allowed: `files and folders (${READABLE}), or a dataset to make a later version of`,
      hint: 'Choose at least one file or folder.',
    });
  }
  if (request.paths === undefined) await refuseGone(context, paths);
  else await refuseMissing(paths);
  const name = request.name ?? asked?.name ?? suggestName(paths);
  const origin = request.origin ?? asked?.origin ?? null;
  // Of a later version nothing is looked for: where the earlier one has none, somebody may have said so.
  const licence = request.licence ?? (asked ? (asked.licence ?? '') : null);
  const seed = request.seed ?? asked?.seed ?? null;
  return {
    id: newId(name),
    name,
    source: describeSource(context, paths),
    startedAt: now(),
    paths,
    ...(origin === null ? {} : { origin }),
    ...(licence === null ? {} : { licence }),
    cleaning: request.cleaning === undefined ? (asked?.cleaning ?? DEFAULT_CLEANING) : cleaningSettingsSchema.parse(request.cleaning),
    mappings: request.mappings ?? asked?.mappings ?? [],
    ...(seed === null ? {} : { seed }),
    version: asked?.version ?? 1,
    parent: asked?.parent ?? null,
    progress: null,
    error: null,
  };
}

/** How an earlier version was made. */
async function earlierOf(
  datasets: Datasets,
  reference: string,
  hasPaths: boolean,
): Promise<
  Pick<ImportRecord, 'name' | 'paths' | 'cleaning' | 'mappings' | 'version' | 'parent'> & {
    origin: string | null;
    licence: string | null;
    seed: number | null;
  }
> {
  const parent = datasets.find(reference);
  const { request, cleaning, origin, licence, version } = await readManifest(parent.path);
  if (request === null && !hasPaths) {
    throw new StrataError('BAD_INPUT', 'The dataset does not note which files it was made of.', {
      found: `${parent.name}, from ${parent.source}`,
      allowed: 'the paths of its files',
      hint: 'Say which files to read.',
    });
  }
  return {
    name: versionName(parent.name, version + 1),
    paths: request?.paths ?? [],
    cleaning: cleaning?.settings ?? DEFAULT_CLEANING,
    mappings: request?.mappings ?? [],
    origin,
    licence,
    seed: request?.seed ?? null,
    version: version + 1,
    parent: { id: parent.id, hash: parent.hash },
  };
}

/**
 * Refuses to read again what is not there any more.
 * @throws StrataError NOT_FOUND.
 */
export async function refuseGone(context: StudioContext, paths: readonly string[]): Promise<void> {
  const uploads = join(context.home, 'uploads') + sep;
  for (const path of paths) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    if (path.startsWith(uploads)) {
      throw new StrataError('NOT_FOUND', 'The files that a browser sent are gone: they are kept only as long as the studio serves.', {
        found: basename(path),
        allowed: 'files that are still there',
        hint: 'Send them again, as a new import.',
      });
    }
    throw new StrataError('NOT_FOUND', 'The files to read are not where they were.', {
      found: path,
      allowed: 'files and folders that are there',
      hint: 'Put them back, or connect the disk that they are on.',
    });
  }
}
