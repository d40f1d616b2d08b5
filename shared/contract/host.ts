import type { HostSettings, HostSettingsChange, UpdateReport } from './host-settings.ts';

/**
 * What differs between the hosts of the pages. Everything else goes through the contract. Under Electron the preload offers this as
 * `window.strataHost`, with `requestPort()`: the port of the contract then arrives as a window message (see {@link PORT_MESSAGE}).
 * What a host lacks is not there: a page shows only what it finds.
 */
export interface HostCapabilities {
  readonly kind: 'electron' | 'web';
  /**
   * Paths, on the studio's machine, of files dropped or picked in the page; a browser uploads them, the desktop knows them at once.
   * @throws AbortError where the sending was stopped.
   */
  filesToPaths(files: File[], options?: SendingOptions): Promise<string[]>;
  /** A native dialog; none where there is only the page's own file input. Empty when it was cancelled. */
  pickPaths?(wanted: 'files' | 'folder'): Promise<string[]>;
  /** A native dialog for what is to be written, with a name to begin with; null when it was cancelled. */
  pickSavePath?(suggestedName: string): Promise<string | null>;
  /**
   * Fraction done of what the page itself waits for, for the taskbar; null when nothing does. Training needs none of it: the host follows
   * the studio.
   */
  showProgress?(fraction: number | null): void;
  /** A notification of the system, if the person wants any. Choosing it brings the window to the front. */
  notify?(notice: { title: string; body: string }): void;
  /**
   * What a person asks for outside the page: in the menu, by a link, by a file. What came before the page listened comes first.
   * @returns what ends the listening.
   */
  onEvent?(listener: (event: HostEvent) => void): () => void;
  /** Folders of workspaces that were opened before, the newest first; the open one is the first. */
  recentWorkspaces?(): Promise<string[]>;
  /**
   * Opens another workspace, for which the program starts again: one of the recent ones, or with null one that a native dialog asks for.
   * @returns false where it was cancelled.
   */
  openWorkspace?(folder: string | null): Promise<boolean>;
  /** Shows the folder of the program's logs and crash reports in the system's file manager. */
  showLogs?(): void;
  readonly settings?: {
    get(): Promise<HostSettings>;
    /** @returns the settings as they then are; what cannot be set is left out. */
    change(change: HostSettingsChange): Promise<HostSettings>;
  };
  /** Asks for the newest version now, if the person has given an address, and says what was sent. */
  checkForUpdate?(): Promise<UpdateReport>;
}

/** Following the sending of files; sending that is instant needs neither. */
export interface SendingOptions {
  /** Called with what has newly been sent: whole files, and bytes. */
  onSent?(sent: { files: number; bytes: number }): void;
  signal?: AbortSignal;
}

/** Pages that the menu goes to, in its order: Ctrl or Cmd with 1 to 8. */
export const MENU_PAGES = ['home', 'datasets', 'models', 'train', 'runs', 'compare', 'suites', 'playground'] as const;
export type MenuPage = (typeof MENU_PAGES)[number];

/** What the menu asks of the page. */
export type HostCommand = 'new-run' | 'palette' | 'settings';

/** What a person asked for outside the page. Paths in it are ones that the person chose. */
export type HostEvent =
  | { type: 'command'; command: HostCommand }
  | { type: 'page'; page: MenuPage }
  /** A link, or a notification that was chosen. */
  | { type: 'run'; run: string }
  /** Files or folders from the menu's own dialog. */
  | { type: 'import'; kind: 'data' | 'model'; paths: string[] }
  /** The settings were changed elsewhere than in the page. */
  | { type: 'settings'; settings: HostSettings };

/** `data` of the window message that brings the port, as `event.ports[0]`; its origin is the page's own. */
export const PORT_MESSAGE = 'strata:port';
