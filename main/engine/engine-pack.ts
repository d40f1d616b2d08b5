import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { z } from 'zod';
import { StrataError } from '../../shared/errors.ts';

/**
 * An engine's library, fetched when somebody wants it instead of coming with the program: TensorFlow is larger than all the rest. What
 * is known of it (size, hash, licence) comes with Strata; wherever its bytes come from, they must be these.
 */
export interface EnginePack {
  id: string;
  /** The engine that it makes possible. */
  engine: 'tensorflow-cpu';
  title: string;
  version: string;
  /** `process.platform` and `process.arch`. */
  platform: string;
  licence: string;
  /** The archive, a Python wheel (zip): its name at a source, its package and how pip chooses it. */
  archive: { file: string; package: string; pipPlatform: string; pythonVersion: string; bytes: number | null; sha256: string };
  /** Members of the archive that are unpacked, side by side. */
  members: readonly string[];
  /** What they may take on the disk at most; a member that goes beyond is refused. */
  unpackedBytes: number;
}

const installedSchema = z.object({
  tensorflowVersion: z.string(),
  addonPath: z.string(),
  libraryFolders: z.array(z.string()),
  pack: z.object({ id: z.string(), platform: z.string(), sha256: z.string(), bytes: z.number(), installedAt: z.string() }),
});
/** What is known of an installed pack; also what the engine is loaded by, see EngineManifest. */
export type InstalledPack = z.infer<typeof installedSchema>;

/** Deflate makes at most 1032 bytes of one. */
const MAX_RATIO = 1032;

/** The pack as it is installed in the engine's folder, or null. */
export async function readInstalledPack(directory: string, id: string): Promise<InstalledPack | null> {
  try {
    return installedSchema.parse(JSON.parse(await readFile(manifestPath(directory, id), 'utf8')));
  } catch {
    return null; // absent or half-written
  }
}

/**
 * Unpacks the libraries of a checked archive beside the addon that comes with Strata, and makes them the engine's. It is there whole or not
 * at all: the folder gets its name, and then its manifest, only at the end.
 * @throws StrataError CORRUPT when the archive is no such wheel; whatever was unpacked is deleted.
 */
export async function unpackEnginePack(
  pack: EnginePack,
  { archive, directory, addonPath, signal, onBytes }: UnpackOptions,
): Promise<InstalledPack> {
  const folder = folderOf(directory, pack);
  const work = `${folder}.partial`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const bytes = await unpackMembers(pack, archive, work, { signal, onBytes });
    await copyFile(addonPath, join(work, basename(addonPath)));
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
    const installed: InstalledPack = {
      tensorflowVersion: pack.version,
      addonPath: join(folder, basename(addonPath)),
      libraryFolders: [],
      pack: { id: pack.id, platform: pack.platform, sha256: pack.archive.sha256, bytes, installedAt: new Date().toISOString() },
    };
    const path = manifestPath(directory, pack.id);
    await writeFile(`${path}.partial`, `${JSON.stringify(installed, null, 2)}\n`);
    await rename(`${path}.partial`, path);
    return installed;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface UnpackOptions {
  archive: string;
  /** The engine's folder. */
  directory: string;
  addonPath: string;
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

/** Deletes an installed pack, the manifest first: half a library is never taken for one. */
export async function removeEnginePack(directory: string, pack: EnginePack): Promise<void> {
  await rm(manifestPath(directory, pack.id), { force: true });
  await rm(folderOf(directory, pack), { recursive: true, force: true });
}

/** @returns bytes that were unpacked */
async function unpackMembers(
  pack: EnginePack,
  archive: string,
  folder: string,
  { signal, onBytes }: Pick<UnpackOptions, 'signal' | 'onBytes'>,
): Promise<number> {
  const missing = new Set(pack.members);
  let total = 0;
  try {
    const zip = await yauzl.openPromise(archive, { autoClose: false }); // refuses names that would leave the folder
    try {
      for await (const entry of zip.eachEntry()) {
        if (!missing.delete(entry.fileName)) continue;
        if (entry.uncompressedSize > entry.compressedSize * MAX_RATIO)
          throw damaged(archive, `the size of ${entry.fileName} is not possible`);
        const counted = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            total += chunk.length;
            if (total > pack.unpackedBytes) return done(damaged(archive, `more than ${pack.unpackedBytes} bytes in it`));
            onBytes(total);
            done(null, chunk);
          },
        });
        const target = join(folder, basename(entry.fileName));
        await mkdir(dirname(target), { recursive: true });
        await pipeline([await zip.openReadStreamPromise(entry), counted, createWriteStream(target)], { signal });
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    const isOfSystem = error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
    if (error instanceof StrataError || signal.aborted || isOfSystem) throw error;
    throw damaged(archive, error instanceof Error ? error.message : String(error));
  }
  if (missing.size > 0) throw damaged(archive, `there is no ${[...missing].join(', ')} in it`);
  return total;
}

function damaged(archive: string, found: string): StrataError {
  return new StrataError('CORRUPT', 'The engine pack is damaged, or another file.', {
    found: `${archive}: ${found}`,
    allowed: 'the wheel as it was published',
    hint: 'Install the pack again.',
  });
}

function folderOf(directory: string, pack: EnginePack): string {
  return join(directory, 'packs', `${pack.id}-${pack.version}`);
}

function manifestPath(directory: string, id: string): string {
  return join(directory, `pack-${id}.json`);
}
