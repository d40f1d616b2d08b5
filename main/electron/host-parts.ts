import type { AnyRouter } from '@orpc/server';
import type * as Electron from 'electron';
import type { Activities } from '../studio/activity.ts';
import type { CrashReports } from './crash-reports.ts';

/** What the desktop host is made of: Electron's parts, the studio, and what the program says of itself. */

/** The parts of the electron module that the host uses; main.ts hands in the real ones. */
export type ElectronParts = Pick<
  typeof Electron,
  | 'app'
  | 'BrowserWindow'
  | 'crashReporter'
  | 'dialog'
  | 'ipcMain'
  | 'Menu'
  | 'MessageChannelMain'
  | 'nativeImage'
  | 'Notification'
  | 'powerMonitor'
  | 'powerSaveBlocker'
  | 'protocol'
  | 'screen'
  | 'session'
  | 'shell'
  | 'Tray'
>;

/** What the host needs of the studio; made once the app is ready, closed before it quits. */
export interface HostedStudio {
  readonly router: AnyRouter;
  readonly home: string;
  readonly activities: Pick<Activities, 'now' | 'follow'>;
  /** Lets the page name files and folders that the user has chosen. */
  grantPaths(paths: readonly string[]): Promise<void>;
  /** Lets the page write what is not there yet, where the user has said. */
  grantNew(path: string): Promise<void>;
  /** Saves what runs: a training in progress writes its checkpoint. */
  close(): Promise<void>;
}

export interface HostOptions {
  /** The built pages. */
  rendererDirectory: string;
  /** The bundled preload. */
  preloadPath: string;
  /** Picture of the tray. */
  iconPath: string;
  /** @throws StrataError when the workspace cannot be opened. */
  openStudio(): HostedStudio | Promise<HostedStudio>;
  log(message: string): void;
  crashes: Pick<CrashReports, 'write'>;
  platform?: NodeJS.Platform;
  commandLine?: readonly string[];
  fetch?: typeof globalThis.fetch;
}
