import type { HostCapabilities } from '../../shared/contract/host.ts';

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

/** A browser does not know where files lie: each is sent to the studio, which answers with its path there. */
function webHost(token: string): HostCapabilities {
  return {
    kind: 'web',
    filesToPaths: async (files) => {
      const batch = crypto.randomUUID();
      const roots = new Set<string>();
      for (const file of files) {
        const name = file.webkitRelativePath || file.name;
        const query = new URLSearchParams({ batch, name });
        const response = await fetch(`/upload?${query.toString()}`, { method: 'POST', body: file, headers: { 'x-strata-token': token } });
        const answer = (await response.json()) as { root?: string; error?: string };
        if (!response.ok || !answer.root) throw new Error(answer.error ?? `The file ${name} could not be sent (${response.status}).`);
        roots.add(answer.root);
      }
      return [...roots];
    },
  };
}

/** The desktop's capabilities, or the browser's. */
export function connectHost(token: string): HostCapabilities {
  return window.strataHost ?? webHost(token);
}
