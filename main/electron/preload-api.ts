import type { HostCapabilities } from '../../shared/contract/host.ts';
import { CHANNELS } from './channels.ts';

/** What the preload needs from Electron and the page, so that it can be tried without them; `Port` is the page's MessagePort. */
export interface PreloadParts<Port> {
  send(channel: string, ...values: unknown[]): void;
  invoke(channel: string, ...values: unknown[]): Promise<unknown>;
  /** Listens for a message of the main process that carries ports. */
  onPorts(channel: string, listener: (ports: readonly Port[]) => void): void;
  pathForFile(file: File): string;
  postToPage(message: string, ports: readonly Port[]): void;
}

/** The object that the page sees as `window.strataHost`: a few plain functions, never Electron's own objects or events. */
export function createHostCapabilities<Port>(parts: PreloadParts<Port>): HostCapabilities & { requestPort(): void } {
  parts.onPorts(CHANNELS.port, (ports) => parts.postToPage(CHANNELS.port, ports));
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
    pickPaths: async (wanted) => {
      const paths: unknown = await parts.invoke(CHANNELS.pickPaths, wanted === 'folder' ? 'folder' : 'files');
      return Array.isArray(paths) ? paths.filter((each) => typeof each === 'string') : [];
    },
    showProgress: (fraction) => parts.send(CHANNELS.progress, fraction),
  };
}
