import { PORT_MESSAGE } from '../../shared/contract/host.ts';

/** Every message between the preload and the main process. Calls of the contract do not pass here: they have a port of their own. */
export const CHANNELS = {
  /** Page asks for a port to the contract; answered by {@link CHANNELS.port}. */
  connect: 'strata:connect',
  /** Main hands over the port; the preload passes it to the page with a window message of the same name. */
  port: PORT_MESSAGE,
  /** The page listens for events from now on: what has waited for it is sent. */
  listen: 'strata:listen',
  /** Main tells what the person asked for outside the page: a HostEvent. */
  event: 'strata:event',
  /** Native file dialog: 'files' or 'folder' in, paths out (none when it was cancelled). */
  pickPaths: 'strata:pick-paths',
  /** Paths that the preload found for real files that were dropped on the page or picked in it: from then on the page may name them. */
  droppedPaths: 'strata:dropped-paths',
  /** Native dialog for what is to be written: a name in, a path or null out. */
  pickSavePath: 'strata:pick-save-path',
  /** Fraction done of what the page waits for, or null: shown on the taskbar. */
  progress: 'strata:progress',
  /** A notification: title and text. */
  notify: 'strata:notify',
  recentWorkspaces: 'strata:recent-workspaces',
  openWorkspace: 'strata:open-workspace',
  showLogs: 'strata:show-logs',
  settings: 'strata:settings',
  changeSettings: 'strata:change-settings',
  checkForUpdate: 'strata:check-for-update',
} as const;
