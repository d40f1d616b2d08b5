import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { UnreadableFile } from '../unreadable-file.ts';
import { filesIn } from './archive.ts';
import { diskFile } from './disk-file.ts';
import { explain } from './explain.ts';
import type { Found } from './found.ts';
import { type IgnoreRules, isIgnored, rulesFor } from './ignored.ts';
import { hasDataIn, isSourceRoot, reasonForFile, reasonForFolder } from './left-out.ts';
import { MAX_FOLDER_DEPTH, type SourceOptions } from './limits.ts';

/** What holds for a folder that is gone through. */
interface Place {
  depth: number;
  isInSource: boolean;
  ignored: IgnoreRules;
}

/** What holds for a whole choice of paths. */
interface Choice {
  /** Real paths of the folders that were gone through, of what was chosen itself, and of what links led to. */
  gone: Set<string>;
  /** Real paths within which links may lead. */
  roots: readonly string[];
  options: SourceOptions;
}

/**
 * Every file of the paths in the order given, folders gone through in the order of names, archives member by member. Only the names of the
 * folders on the way are in memory. Hidden files, those that .gitignore names, vendored folders and formats that are not read are left out,
 * all but the hidden with a reason, and so are links that lead out of what was chosen. A file or link chosen itself is read whatever its name.
 *
 * Each file should be read before the next is asked for: members of archives are cheap only then.
 */
export async function* findFiles(paths: readonly string[], options: SourceOptions = {}): AsyncIterable<Found> {
  const gone = new Set<string>();
  const reals = await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
  const choice: Choice = { gone, roots: reals.flatMap((real) => [real, ...blobsBeside(real)]), options };
  for (const path of paths) {
    const real = await realpath(path).catch(() => path);
    if (gone.has(real)) {
      yield { kind: 'skipped', path, reason: 'It was chosen twice.' };
      continue;
    }
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory()) yield* inFolder(path, { depth: 0, isInSource: false, ignored: [] }, choice);
    else {
      gone.add(real);
      yield* onDisk(path, found?.isFile() ? found.size : null, options);
    }
  }
}

async function* onDisk(path: string, bytes: number | null, options: SourceOptions): AsyncIterable<Found> {
  options.onDiskFile?.(path, bytes ?? 0);
  const file = diskFile(path, bytes, options.onDiskBytes);
  if (options.keepsArchives) yield { kind: 'file', path, file };
  else yield* filesIn(file, options);
}

async function* inFolder(path: string, outer: Place, choice: Choice): AsyncIterable<Found> {
  const { gone, options } = choice;
  let names: string[];
  try {
    // The real path tells a folder that a mount, or a choice of both it and one around it, brings up again.
    const real = await realpath(path);
    if (gone.has(real)) return yield { kind: 'skipped', path, reason: 'It has been gone through already.' };
    gone.add(real);
    names = await readdir(path);
  } catch (error) {
    yield failed(path, error);
    return;
  }
  names.sort((a, b) => (a < b ? -1 : 1));
  const place: Place = {
    depth: outer.depth + 1,
    isInSource: outer.isInSource || isSourceRoot(names),
    ignored: await rulesFor(path, names, outer.ignored),
  };
  // Beside code, a README is a text like others.
  const hasData = !place.isInSource && hasDataIn(names);
  for (const name of names) {
    if (name.startsWith('.')) continue;
    const child = join(path, name);
    let found: Stats;
    let isLink = false;
    try {
      isLink = (await lstat(child)).isSymbolicLink();
      found = await stat(child);
    } catch (error) {
      yield failed(child, error, isLink);
      continue;
    }
    const reason =
      reasonFor(child, name, found, isLink, place, hasData, options) ??
      (isLink && found.isFile() ? await reasonForLink(child, choice) : null);
    if (reason) yield { kind: 'skipped', path: child, reason };
    else if (found.isDirectory()) yield* inFolder(child, place, choice);
    else if (!found.isFile()) yield { kind: 'failed', path: child, reason: 'It is not an ordinary file but a pipe, a socket or a device.' };
    else yield* onDisk(child, found.size, options);
  }
}

function reasonFor(
  path: string,
  name: string,
  found: Stats,
  isLink: boolean,
  place: Place,
  hasData: boolean,
  options: SourceOptions,
): string | null {
  if (isIgnored(path, found.isDirectory(), place.ignored)) return 'A .gitignore file leaves it out. Choose it itself to import it.';
  if (!found.isDirectory()) return found.isFile() ? reasonForFile(name, { hasData, isInSource: place.isInSource }) : null;
  if (isLink) return 'It is a link to a folder. Choose that folder itself to import it.';
  const deepest = options.maxFolderDepth ?? MAX_FOLDER_DEPTH;
  if (place.depth > deepest) return `It lies more than ${deepest} folders deep. Choose it itself to import it.`;
  return reasonForFolder(name, place.isInSource);
}

/** Why a link to a file is not followed; null for one to follow, each file once. */
async function reasonForLink(path: string, { gone, roots }: Choice): Promise<string | null> {
  const real = await realpath(path).catch(() => null);
  if (real === null) return 'It is a link to nothing.';
  if (!roots.some((root) => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)))
    return 'It is a link that leads out of what was chosen. Choose the link itself to import it.';
  if (gone.has(real)) return 'It is a link to a file that was chosen or linked before.';
  gone.add(real);
  return null;
}

/** In the cache of Hugging Face all files of a snapshot are links to a folder beside the snapshots, which belongs to them. */
function blobsBeside(real: string): string[] {
  const parts = real.split(sep);
  const at = parts.lastIndexOf('snapshots');
  return at > 0 && at < parts.length - 1 ? [[...parts.slice(0, at), 'blobs'].join(sep)] : [];
}

/**
 * @param isLink whether the path is there, as a link.
 * @throws the error itself where it is not the file's.
 */
function failed(path: string, error: unknown, isLink = false): Found {
  const explained = explain(error);
  if (!(explained instanceof UnreadableFile)) throw explained;
  const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return { kind: 'failed', path, reason: isGone ? reasonGone(path, isLink) : explained.message };
}

function reasonGone(path: string, isLink: boolean): string {
  if (isLink) return 'It is a link to nothing.';
  // What stands in a name for bytes that are no letters is not the name itself.
  if (path.includes('\ufffd'))
    return 'Its name, or that of a folder around it, is not UTF-8 and cannot be opened. Rename it and import it again.';
  return 'It vanished while its folder was gone through.';
}
