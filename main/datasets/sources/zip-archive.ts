import { basename } from 'node:path/posix';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { explain } from './explain.ts';
import type { Found } from './found.ts';
import { type SourceOptions, UNPACKING_LIMITS } from './limits.ts';
import { isHidden, LINK_REFUSAL, refusalOfName, SPECIAL_REFUSAL } from './member.ts';
import { temporaryCopy } from './temporary-copy.ts';
import { UnpackingGuard } from './unpacking-guard.ts';

/** Names of the ways to pack a member that are met, by their number in the format. */
const METHODS: Readonly<Record<number, string>> = {
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'XZ',
  98: 'PPMd',
};

/**
 * Members of a zip archive in its order. They can be opened while the archive is gone through and afterwards.
 * @throws UnreadableFile when the archive itself is damaged.
 */
export async function* membersOfZip(archive: SourceFile, options: SourceOptions = {}): AsyncIterable<Found> {
  const zip = new SharedZip(archive);
  const guard = new UnpackingGuard(options.limits ?? UNPACKING_LIMITS, await zip.archiveBytes());
  const opened = await zip.acquire();
  try {
    for await (const entry of opened.eachEntry()) {
      const name = nameOf(entry);
      const path = `${archive.path}/${name}`;
      if (name.endsWith('/')) continue;
      const refusal = refusalOf(entry, name);
      if (refusal) yield { kind: 'failed', path, reason: refusal };
      else if (!isHidden(name)) yield { kind: 'file', path, file: memberFile(zip, entry, path, guard, options) };
      options.onDiskBytes?.(entry.compressedSize); // read by position, which nobody counts
    }
  } catch (error) {
    throw explain(error, damageOf);
  } finally {
    await zip.release();
  }
}

function damageOf(message: string): string {
  if (/strong encryption/i.test(message)) return ENCRYPTED;
  if (/end of central directory/i.test(message)) return 'It is not a zip archive, or it ends too early: the file is truncated.';
  return `It is not an intact zip archive (${message}).`;
}

const ENCRYPTED = 'It is encrypted. Unpack the archive with its password and import what is in it.';

function nameOf(entry: Entry): string {
  return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
}

function refusalOf(entry: Entry, name: string): string | null {
  const type = (entry.externalFileAttributes >>> 16) & 0o170000; // as Unix writes it; 0 where another system made the archive
  if (type === 0o120000) return LINK_REFUSAL;
  if (type !== 0 && type !== 0o100000) return SPECIAL_REFUSAL;
  const refusal = refusalOfName(name);
  if (refusal) return refusal;
  if (entry.isEncrypted() || entry.compressionMethod === 99) return ENCRYPTED;
  if (entry.compressionMethod === 0 || entry.compressionMethod === 8) return null;
  const method = METHODS[entry.compressionMethod] ?? `method ${entry.compressionMethod}`;
  return `It is packed with ${method}; Strata unpacks Deflate and members that are only stored. Pack it again as an ordinary zip.`;
}

function memberFile(zip: SharedZip, entry: Entry, path: string, archiveGuard: UnpackingGuard, options: SourceOptions): SourceFile {
  let counted = 0;
  const open = async function* (): AsyncIterable<Uint8Array> {
    const guard = new UnpackingGuard(options.limits ?? UNPACKING_LIMITS, entry.compressedSize);
    const opened = await zip.acquire();
    try {
      let checksum = 0;
      let bytes = 0;
      const stream = await opened.openReadStreamPromise(entry);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        guard.gaveOut(chunk.length);
        checksum = crc32(chunk, checksum);
        bytes += chunk.length;
        // Members may lie over one another, so that each is harmless and all together are not; reading one again is no new member.
        if (bytes > counted) archiveGuard.gaveOut(bytes - counted);
        counted = Math.max(counted, bytes);
        yield chunk;
      }
      if (checksum !== entry.crc32) throw new UnreadableFile('It is damaged: its checksum is not the one that the archive names.');
    } catch (error) {
      throw explain(error, (message) => `It is damaged in its archive (${message}).`);
    } finally {
      await zip.release();
    }
  };
  return { path, name: basename(path), bytes: entry.uncompressedSize, open, onDisk: () => temporaryCopy(open(), options.temporaryFolder) };
}

/** An archive that is open while somebody uses it. */
class SharedZip {
  readonly #archive: SourceFile;
  #users = 0;
  #opened: Promise<{ zip: ZipFile; release(): Promise<void> }> | null = null;

  constructor(archive: SourceFile) {
    this.#archive = archive;
  }

  /** Its size on the disk, unpacked where it is packed itself. */
  async archiveBytes(): Promise<number> {
    const zip = await this.acquire();
    try {
      return zip.fileSize;
    } finally {
      await this.release();
    }
  }

  async acquire(): Promise<ZipFile> {
    this.#users++;
    this.#opened ??= openZip(this.#archive);
    try {
      return (await this.#opened).zip;
    } catch (error) {
      this.#users--;
      this.#opened = null;
      throw error;
    }
  }

  async release(): Promise<void> {
    if (--this.#users > 0 || !this.#opened) return;
    const opened = this.#opened;
    this.#opened = null;
    const { zip, release } = await opened;
    zip.close();
    await release();
  }
}

async function openZip(archive: SourceFile): Promise<{ zip: ZipFile; release(): Promise<void> }> {
  const { path, release } = await archive.onDisk();
  try {
    // Names are judged member by member, so that one bad name does not cost the others.
    const zip = await yauzl.openPromise(path, { autoClose: false, decodeStrings: false });
    zip.on('error', () => undefined); // whoever reads hears of it; after that nobody may listen any more
    return { zip, release };
  } catch (error) {
    await release();
    throw explain(error, damageOf);
  }
}
