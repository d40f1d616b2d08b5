import { basename } from 'node:path/posix';
import { pipeline, Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { explain } from './explain.ts';
import type { Found } from './found.ts';
import type { SourceOptions } from './limits.ts';
import { isHidden, LINK_REFUSAL, refusalOfName, SPECIAL_REFUSAL } from './member.ts';
import { temporaryCopy } from './temporary-copy.ts';

/** A member up to this size is held while it is the current one, and can be opened as often as a reader likes. */
const HELD_BYTES = 8 * 1024 * 1024;

/**
 * Members of a tar archive in its order. Each should be read before the next is asked for: the archive is a stream, and a member that is
 * opened later, or a large one that is opened again, is looked for from the start.
 * @throws UnreadableFile when the archive itself is damaged or ends too early.
 */
export async function* membersOfTar(archive: SourceFile, options: SourceOptions = {}): AsyncIterable<Found> {
  let index = 0;
  for await (const { header, body } of entriesOf(archive)) {
    const number = index++;
    if (header.type === 'directory') continue;
    const name = header.name.replace(/^(\.\/)+/, '');
    const path = `${archive.path}/${name}`;
    const refusal = refusalOf(header, name);
    if (refusal) {
      yield { kind: 'failed', path, reason: refusal };
      continue;
    }
    if (isHidden(name)) continue;
    let current: AsyncIterable<Uint8Array> | Uint8Array[] | null = header.size! <= HELD_BYTES ? await collected(body) : body;
    const open = (): AsyncIterable<Uint8Array> => {
      if (Array.isArray(current)) return Readable.from(current);
      const live = current;
      current = null;
      return live ?? memberAgain(archive, number);
    };
    const onDisk = (): ReturnType<SourceFile['onDisk']> => temporaryCopy(open(), options.temporaryFolder);
    yield { kind: 'file', path, file: { path, name: basename(path), bytes: header.size!, open, onDisk } };
    current = null;
  }
  if (index === 0) throw new UnreadableFile('There is no file in the archive.');
}

function refusalOf({ type }: Header, name: string): string | null {
  if (type === 'symlink' || type === 'link') return LINK_REFUSAL;
  if (type !== 'file' && type !== 'contiguous-file') return SPECIAL_REFUSAL;
  return refusalOfName(name);
}

async function* memberAgain(archive: SourceFile, number: number): AsyncIterable<Uint8Array> {
  let index = 0;
  for await (const { body } of entriesOf(archive)) if (index++ === number) return yield* body;
  throw new UnreadableFile('The archive changed while it was read: the file is no longer in it.');
}

async function collected(body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return parts;
}

/** Header with their data; what a consumer leaves of the data is passed over. */
async function* entriesOf(archive: SourceFile): AsyncIterable<{ header: Header; body: AsyncIterable<Uint8Array> }> {
  const source = Readable.from(archive.open(), { objectMode: false });
  const archived = extract();
  // The pipeline hands errors on and closes the file when its reader stops; the reader hears of them where it reads.
  pipeline(source, archived, () => undefined);
  try {
    for await (const entry of archived) {
      const chunks = entry[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      yield { header: entry.header, body: dataOf(chunks) };
      while (!(await chunks.next()).done);
    }
  } catch (error) {
    throw explain(error, damageOf);
  } finally {
    source.destroy();
  }
}

/** A member's data. Whoever stops early leaves the rest where it is: closing the library's iterator would end the whole archive. */
async function* dataOf(chunks: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } catch (error) {
    throw explain(error, damageOf);
  }
}

function damageOf(message: string): string {
  if (/unexpected end/i.test(message)) return 'The archive ends too early: the file is truncated.';
  return `It is not an intact tar archive (${message}).`;
}
