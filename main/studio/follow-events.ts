/**
 * Work as all the events that it tells of, in their order; other than {@link followWork} none is left out. Whoever no longer listens ends the work,
 * between two events as well as by the signal.
 */
export async function* followEvents<Event>(
  work: (tell: (event: Event) => void, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): AsyncGenerator<Event, void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  const heard: Event[] = [];
  let wake = (): void => undefined;
  let isOver = false;
  const tell = (event: Event): void => {
    heard.push(event);
    wake();
  };
  const done = work(tell, ended.signal).finally(() => {
    isOver = true;
    wake();
  });
  done.catch(() => undefined); // told below
  try {
    while (!isOver || heard.length > 0) {
      const event = heard.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    await done;
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}
