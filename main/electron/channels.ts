import { PORT_MESSAGE } from '../../shared/contract/host.ts';

/** Every message between the preload and the main process. Calls of the contract do not pass here: they have a port of their own. */
export const CHANNELS = {
  /** Page asks for a port to the contract; answered by {@link CHANNELS.port}. */
  connect: 'strata:connect',
  /** Main hands over the port; the preload passes it to the page with a window message of the same name. */
  port: PORT_MESSAGE,
  /** Native file dialog: 'files' or 'folder' in, paths out (none when it was cancelled). */
  pickPaths: 'strata:pick-paths',
  /** Paths that the preload found for real files that were dropped on the page or picked in it: from then on the page may name them. */
  droppedPaths: 'strata:dropped-paths',
  /** Fraction done of what the user waits for, or null: shown on the taskbar. */
  progress: 'strata:progress',
} as const;
