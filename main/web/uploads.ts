import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';

/** A file dropped on a page in the browser is sent here, because a page does not know where it lies. */

/** The largest model files have about this size; more is a mistake. */
const MAX_UPLOAD_BYTES = 100 * 1024 ** 3;
/** Files of one drop share a folder, so that a dropped folder stays one. */
const BATCH = /^[A-Za-z0-9-]{8,64}$/;
const MAX_NAME_PARTS = 12;
const MAX_PART_BYTES = 255;
/** A colon names a stream or a drive on Windows; elsewhere it is a letter like others. */
const FORBIDDEN = process.platform === 'win32' ? /[\\:\0]/ : /[\\\0]/;
/** Uploads of a server that was killed are found by later ones; they are only needed until their import. */
const LEFT_BEHIND_MS = 24 * 3_600_000;

/** What one server receives; all of it is copied by imports and goes when the server ends. */
export class Uploads {
  readonly #root: string;
  readonly #folder: string;

  constructor(home: string) {
    this.#root = join(home, 'uploads');
    this.#folder = join(this.#root, randomUUID());
  }

  /** Removes what servers that were killed have left behind. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      const found = await stat(join(this.#root, name)).catch(() => null);
      if (found && Date.now() - found.mtimeMs > LEFT_BEHIND_MS) await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }

  /** What this server has received lies here. */
  get folder(): string {
    return this.#folder;
  }

  /** `POST /upload?batch=ID&name=folder/file`: stores the body and says where; `root` is what was dropped itself. */
  async receive(request: IncomingMessage, url: URL): Promise<{ path: string; root: string }> {
    const parts = checkName(url.searchParams.get('batch') ?? '', url.searchParams.get('name') ?? '');
    const path = join(this.#folder, ...parts);
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.partial`;
    try {
      await writeBody(request, partial);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      await this.#removeEmpty(dirname(path));
      throw error;
    }
    return { path, root: join(this.#folder, ...parts.slice(0, 2)) };
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await rmdir(this.#root).catch(() => undefined); // another server's uploads are in it, or there never were any
  }

  /** Folders that only a failed upload needed. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let each = folder; each !== this.#root; each = dirname(each)) {
      const isGone = await rmdir(each).then(
        () => true,
        () => false,
      );
      if (!isGone) return;
    }
  }
}

/** The upload's path below the server's folder: the batch, then the parts of the name. */
function checkName(batch: string, name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '');
  const isSafe = (part: string): boolean =>
    part !== '.' && part !== '..' && Buffer.byteLength(part) <= MAX_PART_BYTES && !FORBIDDEN.test(part);
  if (BATCH.test(batch) && parts.length > 0 && parts.length <= MAX_NAME_PARTS && parts.every(isSafe)) return [batch, ...parts];
  throw new StrataError('BAD_INPUT', 'The upload has no batch, or a name that no file can have.', {
    found: JSON.stringify({ batch, name }).slice(0, 300),
    allowed: `a batch of 8 to 64 letters, digits and dashes; a name of at most ${MAX_NAME_PARTS} folders, without ".." and backslashes`,
  });
}

async function writeBody(request: IncomingMessage, path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    refuseLarge(Number(request.headers['content-length'] ?? 0));
    let bytes = 0;
    // A stream that is piped would be destroyed by a failure, and with it the connection that the answer needs.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      refuseLarge((bytes += chunk.length));
      await file.appendFile(chunk);
    }
  } finally {
    await file.close();
  }
}

function refuseLarge(bytes: number): void {
  if (bytes <= MAX_UPLOAD_BYTES) return;
  throw new StrataError('BAD_INPUT', 'The file is too large to be sent.', {
    found: `${bytes} bytes`,
    allowed: `${MAX_UPLOAD_BYTES} bytes`,
  });
}
