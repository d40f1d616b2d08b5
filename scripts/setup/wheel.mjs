import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/**
 * A Python wheel is a zip archive. This reads its table of contents and unpacks single files as streams: one library alone is
 * larger than what should be held in memory.
 * @typedef {{ name: string, method: number, packedBytes: number, sizeBytes: number, headerOffset: number }} WheelEntry
 */

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

/** @param {string} path @param {(bytes: number) => void} [onBytes] @returns {Promise<string>} hex sha256 of a file */
export async function sha256(path, onBytes) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    onBytes?.(chunk.length);
  }
  return hash.digest('hex');
}

/**
 * @param {string} path
 * @returns {Promise<WheelEntry[]>}
 * @throws Error when the file is no complete zip archive
 */
export async function readWheelEntries(path) {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, 65_557)); // the end record plus its longest comment
    await file.read(tail, 0, tail.length, size - tail.length);
    const end = tail.lastIndexOf(Buffer.from('PK\u0005\u0006', 'latin1'));
    if (end < 0 || tail.readUInt32LE(end) !== END_SIGNATURE) throw new Error(`${path} is not a complete wheel: it has no end record.`);
    const count = tail.readUInt16LE(end + 10);
    const tableBytes = tail.readUInt32LE(end + 12);
    const tableOffset = tail.readUInt32LE(end + 16);
    if (count === 0xffff || tableOffset + tableBytes > size) throw new Error(`${path} is a damaged or too large wheel.`);
    const table = Buffer.alloc(tableBytes);
    await file.read(table, 0, tableBytes, tableOffset);
    const entries = [];
    for (let at = 0; entries.length < count;) {
      if (at + 46 > tableBytes || table.readUInt32LE(at) !== ENTRY_SIGNATURE) throw new Error(`${path} has a damaged table of contents.`);
      const nameBytes = table.readUInt16LE(at + 28);
      entries.push({
        name: table.toString('utf8', at + 46, at + 46 + nameBytes),
        method: table.readUInt16LE(at + 10),
        packedBytes: table.readUInt32LE(at + 20),
        sizeBytes: table.readUInt32LE(at + 24),
        headerOffset: table.readUInt32LE(at + 42),
      });
      at += 46 + nameBytes + table.readUInt16LE(at + 30) + table.readUInt16LE(at + 32);
    }
    return entries;
  } finally {
    await file.close();
  }
}

/**
 * Unpacks one entry to `destination`, atomically; a file that is already there at its full size is kept, which is what makes an
 * interrupted set-up go on where it was.
 * @param {string} path @param {WheelEntry} entry @param {string} destination
 * @param {string | undefined} wantedSha256 hex, from the wheel's own RECORD
 * @param {(bytes: number) => void} [onBytes]
 * @throws Error when the content differs from what the wheel promises
 */
export async function unpackEntry(path, entry, destination, wantedSha256, onBytes) {
  const present = await stat(destination).catch(() => null);
  if (present?.size === entry.sizeBytes) return onBytes?.(entry.sizeBytes);
  await mkdir(dirname(destination), { recursive: true });
  const partial = `${destination}.partial`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const check = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      onBytes?.(chunk.length);
      done(null, chunk);
    },
  });
  await pipeline(await entryStream(path, entry), check, createWriteStream(partial));
  const found = hash.digest('hex');
  if (sizeBytes !== entry.sizeBytes || (wantedSha256 && found !== wantedSha256)) {
    throw new Error(
      `${entry.name} came out damaged: ${sizeBytes} bytes with sha256 ${found}, expected ${entry.sizeBytes} with ${wantedSha256}.`,
    );
  }
  await rename(partial, destination);
}

/**
 * The hashes that the wheel carries for its own files (`*.dist-info/RECORD`).
 * @param {string} path @param {readonly WheelEntry[]} entries @returns {Promise<Map<string, string>>} name to hex sha256
 */
export async function readWheelRecord(path, entries) {
  const record = entries.find(({ name }) => /^[^/]+\.dist-info\/RECORD$/.test(name));
  if (!record) throw new Error(`${path} has no RECORD of its files.`);
  let text = '';
  const stream = await entryStream(path, record);
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  const hashes = new Map();
  for (const line of text.split('\n')) {
    const match = /^(.+),sha256=([\w-]{43}),\d*\s*$/.exec(line);
    if (match?.[1] && match[2]) hashes.set(match[1], Buffer.from(match[2], 'base64url').toString('hex'));
  }
  return hashes;
}

/** @param {string} path @param {WheelEntry} entry @returns {Promise<import('node:stream').Readable>} */
async function entryStream(path, entry) {
  const file = await open(path, 'r');
  const header = Buffer.alloc(30);
  try {
    await file.read(header, 0, 30, entry.headerOffset);
  } finally {
    await file.close();
  }
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE) throw new Error(`${path} is damaged at ${entry.name}.`);
  const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = createReadStream(path, { start, end: start + entry.packedBytes - 1, highWaterMark: 1 << 20 });
  if (entry.method === STORED) return packed;
  if (entry.method !== DEFLATED) throw new Error(`${entry.name} is packed with method ${entry.method}, which is not known.`);
  const inflate = createInflateRaw({ chunkSize: 1 << 20 });
  packed.on('error', (error) => inflate.destroy(error));
  return packed.pipe(inflate);
}

/**
 * @param {string} name @param {readonly string[]} wanted exact names, or folders ending in a slash
 * @returns {boolean}
 */
export function isWanted(name, wanted) {
  return (
    !name.endsWith('/') &&
    !name.split('/').includes('..') &&
    wanted.some((each) => name === each || (each.endsWith('/') && name.startsWith(each)))
  );
}

/** @param {string} folder @param {string} name of an entry @param {string} prefix dropped from it @returns {string} */
export function unpackedPath(folder, name, prefix) {
  return join(folder, ...(name.startsWith(prefix) ? name.slice(prefix.length) : name).split('/'));
}
