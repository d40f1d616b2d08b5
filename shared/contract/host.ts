/**
 * What differs between the hosts of the pages. Everything else goes through the contract. Under Electron the preload offers this as
 * `window.strataHost`, with `requestPort()`: the port of the contract then arrives as a window message (see {@link PORT_MESSAGE}).
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
  /** Fraction done of what the user waits for, for the taskbar; null when nothing runs. */
  showProgress?(fraction: number | null): void;
}

/** Following the sending of files; sending that is instant needs neither. */
export interface SendingOptions {
  /** Called with what has newly been sent: whole files, and bytes. */
  onSent?(sent: { files: number; bytes: number }): void;
  signal?: AbortSignal;
}

/** `data` of the window message that brings the port, as `event.ports[0]`; its origin is the page's own. */
export const PORT_MESSAGE = 'strata:port';
