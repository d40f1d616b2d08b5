import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { send } from './send.ts';

/** A file dropped on a page in the browser is sent here, because a page does not know where it lies. */

/** The largest model files have about this size; more is a mistake. */
const MAX_UPLOAD_BYTES = 100 * 1024 ** 3;
/** Files of one drop share a folder, so that a dropped folder stays one. */
const BATCH = /^[A-Za-z0-9-]{8,64}$/;
const MAX_NAME_PARTS = 12;

/** `POST /upload?batch=ID&name=folder/file`: stores the body in the workspace and answers {path, root}, root being the drop's own folder. */
export async function receiveUpload(request: IncomingMessage, response: ServerResponse, url: URL, home: string): Promise<void> {
  const batch = url.searchParams.get('batch') ?? '';
  const parts = (url.searchParams.get('name') ?? '').split('/').filter((part) => part !== '');
  const isSafe =
    parts.length > 0 &&
    parts.length <= MAX_NAME_PARTS &&
    parts.every((part) => part !== '.' && part !== '..' && part.length <= 255 && !/[\\:\0]/.test(part));
  if (!BATCH.test(batch) || !isSafe) return send(response, 400, { error: 'An upload needs a batch id and a file name.' });
  const root = join(home, 'uploads', batch);
  const path = join(root, ...parts);
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.partial`;
  try {
    await pipeline(request, limit(MAX_UPLOAD_BYTES), createWriteStream(partial));
    await rename(partial, path);
    send(response, 200, { path, root: join(root, parts[0]!) });
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function limit(most: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(bytes > most ? new Error(`The file is larger than ${most} bytes.`) : null, chunk);
    },
  });
}
