import type { HostCapabilities } from '../../shared/contract/host.ts';
import { distinct } from '../ui/distinct.ts';
import { sendFile } from './send-file.ts';

declare global {
  interface Window {
    /** What the desktop's preload offers; absent in a browser. */
    strataHost?: HostCapabilities & { requestPort(): void };
  }
}

/** The token that `strata serve` printed in the address; kept for reloads, taken out of the address bar. */
export function takeToken(): string {
  const given = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem('strata-token', given);
    history.replaceState(null, '', `${window.location.pathname}#/`);
  }
  return sessionStorage.getItem('strata-token') ?? '';
}

/** Files sent at a time: 2,000 of 3 kB took 4 s so, and 5.5 s one by one. A browser keeps six connections at most. */
const SENT_AT_ONCE = 4;

/** A browser does not know where files lie: each is sent to the studio, which answers with its path there. */
function webHost(token: string): HostCapabilities {
  return {
    kind: 'web',
    filesToPaths: async (files, { onSent = () => undefined, signal } = {}) => {
      const place = { token, batch: crypto.randomUUID() };
      // The first failure stops the others.
      const failed = new AbortController();
      const ends = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
      const roots: string[] = [];
      let next = 0;
      const sendOthers = async (): Promise<void> => {
        while (next < files.length) {
          const index = next++;
          roots[index] = await sendFile(files[index]!, place, (bytes) => onSent({ files: 0, bytes }), ends);
          onSent({ files: 1, bytes: 0 });
        }
      };
      try {
        await Promise.all(Array.from({ length: SENT_AT_ONCE }, sendOthers));
      } finally {
        failed.abort();
      }
      return distinct(roots);
    },
  };
}

/** The desktop's capabilities, or the browser's. */
export function connectHost(token: string): HostCapabilities {
  const desktop = window.strataHost;
  // A signal cannot pass the bridge to the preload, which knows paths without sending anything.
  return desktop ? { ...desktop, filesToPaths: (files) => desktop.filesToPaths(files) } : webHost(token);
}
