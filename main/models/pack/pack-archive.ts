import { createWriteStream } from 'node:fs';
import { lstat, mkdir, open, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile as OpenZip } from 'yauzl';
import { ZipFile } from 'yazl';
import { StrataError, toStrataError } from '../../../shared/errors.ts';
import { PACK_FILE, PACK_MODEL_FOLDER, PACK_TENSORS_FILE } from './expansion-pack.ts';

/**
 * A pack as one file, `NAME.strata-pack`: a zip archive of the folder that expansion-pack.ts describes, so that it can be sent, and opened by
 * a double click. It comes from strangers: only names that a pack has are unpacked, to nowhere but one folder, and never more than a pack
 * of that size can hold.
 */

export const PACK_ENDING = '.strata-pack';

/** A pack has its description, its tensors, a README and the few small files of a model. */
const MAX_ENTRIES = 100;
/** Weights hardly shrink; an archive that unpacks to more than so many times its size is made to fill a disk. */
const MAX_RATIO = 20;
/** Descriptions shrink well: up to here the ratio says nothing. */
const RATIO_FROM_BYTES = 64_000_000;
/** One name without a path in it; letters that every file system takes. */
const SMALL_NAME = /^[A-Za-z0-9][\w.-]{0,200}$/;
/** The same bytes for the same pack, whenever it is made. */
const TIME_OF_ALL = new Date(Date.UTC(2024, 0, 1));

export function isPackArchiveName(path: string): boolean {
  return path.toLowerCase().endsWith(PACK_ENDING);
}

/** Whether a path is a pack as one file, by its name: what is in it is looked at when it is unpacked. */
export async function isPackArchive(path: string): Promise<boolean> {
  return isPackArchiveName(path) && ((await lstat(path).catch(() => null))?.isFile() ?? false);
}

/** Writes a pack's folder as one file. Weights are stored as they are: packing them would take long and save nothing. */
export async function writePackArchive(directory: string, file: string): Promise<void> {
  const zip = new ZipFile();
  const names = [
    ...(await filesIn(directory)),
    ...(await filesIn(join(directory, PACK_MODEL_FOLDER))).map((name) => `${PACK_MODEL_FOLDER}/${name}`),
  ];
  for (const name of names.sort()) {
    const options = { mtime: TIME_OF_ALL, mode: 0o100644, compress: name !== PACK_TENSORS_FILE };
    zip.addFile(join(directory, ...name.split('/')), name, options);
  }
  zip.end();
  const failed = new Promise<never>((_, reject) => zip.on('error', reject));
  await Promise.race([pipeline(zip.outputStream, createWriteStream(file, { flags: 'wx' })), failed]);
}

async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name);
}

/**
 * Unpacks a pack into a folder that is not there yet. What it holds is checked afterwards, by {@link openPack}.
 * @throws StrataError CORRUPT when it is no archive, is damaged, holds what no pack holds, or unpacks to more than a pack does.
 */
export async function unpackPackArchive(file: string, directory: string): Promise<void> {
  const archiveBytes = (await lstat(file)).size;
  const zip = await yauzl.openPromise(file, { autoClose: false, decodeStrings: false, strictFileNames: true }).catch((error: unknown) => {
    throw notAnArchive(error);
  });
  zip.on('error', () => undefined); // whoever reads hears of it
  try {
    if (zip.entryCount > MAX_ENTRIES)
      throw refusal('This pack holds more files than a pack has.', `${zip.entryCount}`, `up to ${MAX_ENTRIES}`);
    await mkdir(join(directory, PACK_MODEL_FOLDER), { recursive: true });
    let unpacked = 0;
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      if (name === `${PACK_MODEL_FOLDER}/`) continue; // other programs list folders too
      refuseEntry(entry, name);
      unpacked += entry.uncompressedSize;
      if (unpacked > RATIO_FROM_BYTES && unpacked > MAX_RATIO * archiveBytes) {
        throw refusal(
          'This pack unpacks to more than a pack of its size can hold.',
          `${unpacked} bytes and more out of ${archiveBytes}`,
          `up to ${MAX_RATIO} times its size`,
        );
      }
      await unpackEntry(zip, entry, join(directory, ...name.split('/')));
    }
  } catch (error) {
    throw explain(error);
  } finally {
    zip.close();
  }
}

function nameOf(entry: Entry): string {
  return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

/** Only names that a pack has; no link, nothing encrypted, nothing packed in a way that is not read here. */
function refuseEntry(entry: Entry, name: string): void {
  const [folder, base] = [posix.dirname(name), posix.basename(name)];
  const isKnown =
    folder === '.'
      ? [PACK_FILE, PACK_TENSORS_FILE, 'README.md'].includes(name)
      : name === `${PACK_MODEL_FOLDER}/${base}` && SMALL_NAME.test(base);
  if (!isKnown) {
    throw refusal(
      'This pack holds a file that no pack has; nothing of it was kept.',
      JSON.stringify(name.slice(0, 200)),
      `${PACK_FILE}, ${PACK_TENSORS_FILE}, README.md and files directly in ${PACK_MODEL_FOLDER}/`,
    );
  }
  const type = (entry.externalFileAttributes >>> 16) & 0o170000; // as Unix writes it; 0 where another system made the archive
  if (type !== 0 && type !== 0o100000) throw refusal('A pack holds nothing but files.', `${name}, which is a link or no file`, 'files');
  if (entry.isEncrypted() || ![0, 8].includes(entry.compressionMethod)) {
    throw refusal(
      'This pack was packed in a way that Strata does not read.',
      `${name}, ${entry.isEncrypted() ? 'encrypted' : `method ${entry.compressionMethod}`}`,
      'members that are stored or packed with Deflate',
    );
  }
}

/** Writes one member; one that comes twice is refused, for the second could hide behind the first. */
async function unpackEntry(zip: OpenZip, entry: Entry, path: string): Promise<void> {
  const stream = await zip.openReadStreamPromise(entry);
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw refusal('This pack holds a file twice.', posix.basename(path), 'each once');
  });
  let checksum = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      checksum = crc32(chunk, checksum);
      await file.appendFile(chunk);
    }
  } finally {
    stream.destroy();
    await file.close();
  }
  if (checksum !== entry.crc32)
    throw refusal('This pack is damaged.', `another checksum of ${posix.basename(path)}`, 'the one that the archive names');
}

/** What the library says of a damaged archive, in our words; a full disk stays one. */
function explain(error: unknown): StrataError {
  const known = toStrataError(error);
  return known.code === 'INTERNAL' ? notAnArchive(error) : known;
}

function notAnArchive(cause: unknown): StrataError {
  const found = cause instanceof Error ? cause.message : String(cause);
  return new StrataError('CORRUPT', 'This pack is not an intact archive.', {
    found,
    allowed: `a ${PACK_ENDING} file as Strata wrote it`,
    hint: 'Get the pack again from where it was made.',
    cause,
  });
}

function refusal(message: string, found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', message, { found, allowed, hint: 'Get the pack again from where it was made.' });
}
