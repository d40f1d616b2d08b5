import { type FileHandle, open } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { CompressionType, compressionRegistry, type Data, DataType, type RecordBatch, RecordBatchReader } from 'apache-arrow';
import lz4 from 'lz4js';
import { explain } from '../sources/explain.ts';
import type { RawDocument } from '../raw-document.ts';
import { jsonValue, noteBytes } from './json-value.ts';
import type { Note } from './reader.ts';

/** A buffer of one column of one batch; more than this is a damaged header. */
const MAX_BUFFER_BYTES = 1024 * 1024 * 1024;
/** LZ4 cannot pack better than this. */
const LZ4_RATIO = 255;

compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data, { maxOutputLength: MAX_BUFFER_BYTES }) });
compressionRegistry.set(CompressionType.LZ4_FRAME, {
  decode: (data) => {
    const bound = lz4.decompressBound(data);
    if (!(bound <= Math.min(MAX_BUFFER_BYTES, Math.max(LZ4_RATIO * data.length, 8 * 1024 * 1024))))
      throw new Error(`a buffer of ${data.length} bytes that is said to unpack to ${bound}`);
    return lz4.decompress(data, bound);
  },
});

/** The rows of an Arrow file or stream on the disk, batch after batch; nested values as JSON has them. Damage can make it go on for ever. */
export async function* arrowRows(path: string, note: Note): AsyncIterable<RawDocument> {
  const handle = await open(path, 'r');
  try {
    await refuseWildFooter(handle);
    const reader = await RecordBatchReader.from(handle);
    await reader.open();
    const columns = reader.schema.fields.filter(({ type }) => DataType.isBinary(type) || DataType.isLargeBinary(type));
    noteBytes(
      columns.map(({ name }) => String(name)),
      note,
    );
    let number = 0;
    for await (const batch of reader) for (const row of rowsOf(batch)) yield { kind: 'row', row, where: `row ${++number}` };
  } catch (error) {
    throw explain(error, (message) => `It is not an intact Arrow file or stream (${message}).`);
  } finally {
    await handle.close().catch(() => undefined); // the library may have closed it
  }
}

/** What ends an Arrow file: the length of its footer and its mark. */
const MARK = 'ARROW1';
const END_BYTES = 4 + MARK.length;

/** The library takes memory for the footer that a file names before it looks for it. */
async function refuseWildFooter(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size < MARK.length + END_BYTES) throw new Error('it is too short');
  const bytes = Buffer.alloc(MARK.length + END_BYTES);
  await handle.read(bytes, 0, MARK.length, 0);
  await handle.read(bytes, MARK.length, END_BYTES, size - END_BYTES);
  if (bytes.toString('latin1', 0, MARK.length) !== MARK) return; // a stream has no footer
  if (bytes.toString('latin1', MARK.length + 4) !== MARK) throw new Error('it ends too early');
  const footer = bytes.readInt32LE(MARK.length);
  if (footer <= 0 || footer > size - END_BYTES - MARK.length) throw new Error(`it names a footer of ${footer} bytes`);
}

function* rowsOf(batch: RecordBatch): Iterable<Record<string, unknown>> {
  const columns = batch.schema.fields.map((field, index) => ({ name: String(field.name), values: batch.getChildAt(index) }));
  refuseShort(batch.data, batch.numRows);
  for (let index = 0; index < batch.numRows; index++) {
    yield Object.fromEntries(columns.map(({ name, values }) => [name, jsonValue(values?.get(index))]));
  }
}

/** Refuses more rows than there are values for: the library would make nulls of the rest, however many a damaged header names. */
function refuseShort({ type, length, values, valueOffsets, children }: Data, rows: number): void {
  const isListed = [DataType.isUtf8, DataType.isLargeUtf8, DataType.isBinary, DataType.isLargeBinary, DataType.isList, DataType.isMap].some(
    (is) => is(type),
  );
  const isShort =
    length !== rows ||
    (isListed && length > 0 && (valueOffsets as ArrayLike<unknown>).length <= length) ||
    (DataType.isBool(type) && (values as ArrayLike<unknown>).length * 8 < length) ||
    ((DataType.isInt(type) || DataType.isFloat(type) || DataType.isDictionary(type)) && (values as ArrayLike<unknown>).length < length);
  if (isShort) throw new Error(`a batch of ${rows} rows with fewer values`);
  if (DataType.isStruct(type)) for (const child of children) refuseShort(child, rows);
}
