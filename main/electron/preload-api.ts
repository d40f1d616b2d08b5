import type { HostCapabilities, HostEvent } from '../../shared/contract/host.ts';
import type { HostSettings, UpdateReport } from '../../shared/contract/host-settings.ts';
import { CHANNELS } from './channels.ts';

/** What the preload needs from Electron and the page, so that it can be tried without them; `Port` is the page's MessagePort. */
export interface PreloadParts<Port> {
  send(channel: string, ...values: unknown[]): void;
  invoke(channel: string, ...values: unknown[]): Promise<unknown>;
  /** Listens for a message of the main process that carries ports. */
  onPorts(channel: string, listener: (ports: readonly Port[]) => void): void;
  /** Listens for a message of the main process that carries a value. */
  onValue(channel: string, listener: (value: unknown) => void): void;
  pathForFile(file: File): string;
  postToPage(message: string, ports: readonly Port[]): void;
}

/** The object that the page sees as `window.strataHost`: a few plain functions, never Electron's own objects or events. */
export function createHostCapabilities<Port>(parts: PreloadParts<Port>): Required<HostCapabilities> & { requestPort(): void } {
  const listeners = new Set<(event: HostEvent) => void>();
  parts.onPorts(CHANNELS.port, (ports) => parts.postToPage(CHANNELS.port, ports));
  parts.onValue(CHANNELS.event, (event) => {
    for (const listener of listeners) listener(event as HostEvent);
  });
  return {
    kind: 'electron',
    requestPort: () => parts.send(CHANNELS.connect),
    // Files that a script made up have no path: they are left out.
    filesToPaths: async (files) => {
      const paths = files.map((file) => parts.pathForFile(file)).filter((path) => path !== '');
      // A page can say any path but not make a file that has one: what is sent here was chosen by the user.
      await parts.invoke(CHANNELS.droppedPaths, paths);
      return paths;
    },
    pickPaths: async (wanted) => textsOf(await parts.invoke(CHANNELS.pickPaths, wanted === 'folder' ? 'folder' : 'files')),
    pickSavePath: async (suggestedName) => {
      const path = await parts.invoke(CHANNELS.pickSavePath, String(suggestedName));
      return typeof path === 'string' ? path : null;
    },
    showProgress: (fraction) => parts.send(CHANNELS.progress, fraction),
    notify: ({ title, body }) => parts.send(CHANNELS.notify, { title: String(title), body: String(body) }),
    onEvent: (listener) => {
      listeners.add(listener);
      if (listeners.size === 1) parts.send(CHANNELS.listen);
      return () => void listeners.delete(listener);
    },
    recentWorkspaces: async () => textsOf(await parts.invoke(CHANNELS.recentWorkspaces)),
    openWorkspace: async (folder) => (await parts.invoke(CHANNELS.openWorkspace, folder)) === true,
    showLogs: () => parts.send(CHANNELS.showLogs),
    settings: {
      get: () => parts.invoke(CHANNELS.settings) as Promise<HostSettings>,
      change: (change) => parts.invoke(CHANNELS.changeSettings, change) as Promise<HostSettings>,
    },
    checkForUpdate: () => parts.invoke(CHANNELS.checkForUpdate) as Promise<UpdateReport>,
  };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
