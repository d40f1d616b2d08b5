/**
 * Work as events: its progress as far as somebody listens, the latest only, and its result last. Whoever no longer listens ends the work,
 * between two events as well as by the signal.
 */
export async function* followWork<Progress, Result>(
  work: (onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): AsyncGenerator<{ progress: Progress } | { result: Result }, void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  let latest: { progress: Progress } | null = null;
  let wake = (): void => undefined;
  let isOver = false;
  const result = work((progress) => {
    latest = { progress };
    wake();
  }, ended.signal).finally(() => {
    isOver = true;
    wake();
  });
  result.catch(() => undefined); // told below
  try {
    while (!isOver) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (latest !== null || isOver) resolve();
      });
      const event: { progress: Progress } | null = latest;
      latest = null;
      if (event !== null && !isOver) yield event;
    }
    yield { result: await result };
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}
