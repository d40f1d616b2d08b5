import { type FileHandle, open } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors';
import { explain } from '../sources/explain.ts';
import type { RawDocument } from '../raw-document.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { jsonValue, noteBytes } from './json-value.ts';
import { refuseWildPages } from './parquet-pages.ts';
import type { Note } from './reader.ts';
import { unpackSnappy } from './snappy.ts';

/** Rows are decoded in parts of about this many bytes of columns, unpacked. */
const PART_BYTES = 16 * 1024 * 1024;

/** The packed columns of a row group may be held while it is read. */
const MAX_GROUP_BYTES = 1024 * 1024 * 1024;

/** Pages have about 1 MB; up to this much may come out of any, however small. */
const SMALL_PAGE_BYTES = 16 * 1024 * 1024;
const MAX_PAGE_RATIO = 1000;

/** The rows of a Parquet file on the disk, row group after row group; nested values as JSON has them. Damage can make it go on for ever. */
export async function* parquetRows(path: string, note: Note): AsyncIterable<RawDocument> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const buffer: AsyncBuffer = { byteLength: size, slice: (start, end = size) => sliceOf(handle, start, end, size) };
    const metadata = await parquetMetadataAsync(buffer);
    refuseUnknownColumns(metadata);
    await refuseWildPages(buffer, metadata);
    let first = 0;
    for (const rows of partsOf(metadata)) {
      const decoded = await parquetReadObjects({
        file: buffer,
        metadata,
        rowStart: first,
        rowEnd: first + rows,
        compressors: COMPRESSORS,
        useOffsetIndex: true,
        utf8: false,
        geoparquet: false,
      });
      if (decoded.length !== rows) throw new Error(`${decoded.length} of ${rows} rows`);
      for (const [index, row] of decoded.entries()) {
        const where = `row ${first + index + 1}`;
        yield { kind: 'row', row: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonValue(value)])), where };
      }
      first += rows;
    }
    const columns = metadata.schema.filter(
      ({ type, converted_type, logical_type }) => type === 'BYTE_ARRAY' && !converted_type && !logical_type,
    );
    noteBytes(
      columns.map(({ name }) => name),
      note,
    );
  } catch (error) {
    throw explain(error, refusalOf);
  } finally {
    await handle.close();
  }
}

function refusalOf(message: string): string {
  const codec = /unsupported compression codec: (\w+)/.exec(message)?.[1];
  if (codec)
    return `Its columns are packed with ${codec}; Strata unpacks SNAPPY, GZIP, ZSTD, BROTLI, LZ4 and LZ4_RAW. Write it again with one of these.`;
  if (/footer|metadata|invalid parquet|not a parquet/i.test(message))
    return `It is not a Parquet file, or it ends too early: the file is truncated (${message}).`;
  return `It is not an intact Parquet file (${message}).`;
}

/** How many rows are read at a time, never across a row group. */
function* partsOf({ row_groups: groups }: FileMetaData): Iterable<number> {
  for (const { num_rows, total_byte_size, columns } of groups) {
    const packed = columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_compressed_size ?? 0), 0);
    if (packed > MAX_GROUP_BYTES)
      throw new UnreadableFile(
        `It has a row group of ${Math.round(packed / 2 ** 20)} MB, and one has to be held. Write it again with row groups of at most ${MAX_GROUP_BYTES / 2 ** 20} MB.`,
      );
    const rows = Number(num_rows);
    const parts = Math.min(Math.max(1, Math.ceil(Number(total_byte_size) / PART_BYTES)), Math.max(1, rows));
    const most = Math.ceil(rows / parts);
    for (let done = 0; done < rows; done += most) yield Math.min(most, rows - done);
  }
}

/**
 * The library starts all columns of a row group at once, and an unknown one stops it in the middle: should one that was started fail, too,
 * nobody would hear of it, for which Node ends a process. So what each row group holds is compared with the schema before.
 */
function refuseUnknownColumns(metadata: FileMetaData): void {
  const leaves = new Set<string>();
  const visit = ({ children, path }: SchemaTree): void => {
    if (children.length === 0) leaves.add(JSON.stringify(path));
    children.forEach(visit);
  };
  visit(parquetSchema(metadata));
  for (const { columns } of metadata.row_groups) {
    const paths = columns.map(({ meta_data }) => JSON.stringify(meta_data?.path_in_schema));
    const unknown = paths.find((path, index) => !leaves.has(path) || paths.indexOf(path) !== index);
    if (unknown !== undefined) throw new Error(`a row group has a column ${unknown} that its schema does not have, or has it twice`);
  }
}

async function sliceOf(handle: FileHandle, start: number, end: number, size: number): Promise<ArrayBuffer> {
  if (!(start >= 0 && start <= end && end <= size)) throw new Error(`it names bytes ${start} to ${end} of ${size}`);
  const bytes = new Uint8Array(end - start);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new UnreadableFile('The file changed while it was read. Import it again when nothing writes to it.');
    done += bytesRead;
  }
  return bytes.buffer;
}

/** Refuses what a damaged or hostile header asks for before memory is taken for it. */
function within(decompress: (input: Uint8Array, outputLength: number) => Uint8Array) {
  return (input: Uint8Array, outputLength: number): Uint8Array => {
    if (!(outputLength >= 0) || outputLength > Math.max(SMALL_PAGE_BYTES, MAX_PAGE_RATIO * input.length))
      throw new Error(`a page of ${input.length} bytes that is said to unpack to ${outputLength}`);
    return decompress(input, outputLength);
  };
}

const COMPRESSORS: Compressors = {
  SNAPPY: within(unpackSnappy),
  GZIP: within((input, maxOutputLength) => gunzipSync(input, { maxOutputLength: maxOutputLength || 1 })),
  ZSTD: within((input, maxOutputLength) => zstdDecompressSync(input, { maxOutputLength: maxOutputLength || 1 })),
  BROTLI: within((input, maxOutputLength) => brotliDecompressSync(input, { maxOutputLength: maxOutputLength || 1 })),
  LZ4: within(decompressLz4),
  LZ4_RAW: within(decompressLz4Raw),
};
