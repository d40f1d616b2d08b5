import { words } from '../../shared/words/words.ts';
/** Where a browser's files go, and what says that it may. */
export interface UploadPlace {
  token: string;
  /** Files of one drop share it, so that a dropped folder stays one. */
  batch: string;
}

/**
 * Sends one file to the studio; its dropped root's path there.
 * @param onBytes is called with what has newly been sent.
 * @throws Error with the studio's words where it refused; AbortError where it was stopped.
 */
export function sendFile(file: File, place: UploadPlace, onBytes: (bytes: number) => void, signal?: AbortSignal): Promise<string> {
  const name = file.webkitRelativePath || file.name;
  const query = new URLSearchParams({ batch: place.batch, name });
  return new Promise((resolve, reject) => {
    // Not fetch: it does not tell how much of a large file has been sent.
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    if (signal?.aborted) return reject(stopped());
    signal?.addEventListener('abort', abort, { once: true });
    let sent = 0;
    const advance = (bytes: number): void => {
      onBytes(bytes - sent);
      sent = bytes;
    };
    request.upload.onprogress = ({ loaded }) => advance(Math.min(loaded, file.size));
    request.onabort = () => reject(stopped());
    request.onerror = () =>
      reject(new Error(`The file ${name} could not be sent: the studio does not answer, or the file was changed or taken away.`));
    request.onload = () => {
      const answer = (request.response ?? {}) as { root?: string; error?: string };
      if (request.status !== 200 || !answer.root)
        return reject(new Error(answer.error ?? `The file ${name} could not be sent (${request.status}).`));
      advance(file.size);
      resolve(answer.root);
    };
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    request.open('POST', `/upload?${query.toString()}`);
    request.responseType = 'json';
    request.setRequestHeader('x-strata-token', place.token);
    request.send(file);
  });
}

function stopped(): DOMException {
  return new DOMException(words('ui.sendingStopped'), 'AbortError');
}
