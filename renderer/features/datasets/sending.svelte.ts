import type { StudioState } from '../../studio.svelte.ts';
import { filesOfDrop } from '../../ui/dropped-files.ts';

/** Files on their way to the studio, until all have arrived or the user stops it: those of one drop, or of several together. */
export class SendingState {
  readonly #studio: StudioState;
  #abort = new AbortController();
  /** Drops on their way, and those whose folders are still being gone through. */
  #drops = $state(0);
  #searches = $state(0);
  files = $state(0);
  sentFiles = $state(0);
  bytes = $state(0);
  sentBytes = $state(0);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get isSending(): boolean {
    return this.#drops > 0;
  }

  /** Folders are being gone through: how much there is to send is not known yet. */
  get isLooking(): boolean {
    return this.#searches > 0;
  }

  /** Part of the bytes that has been sent, 0 to 1; null as long as nobody knows how many there are. */
  get fraction(): number | null {
    if (this.isLooking || this.files === 0) return null;
    return this.bytes > 0 ? Math.min(1, this.sentBytes / this.bytes) : this.sentFiles / this.files;
  }

  stop(): void {
    if (this.isSending) this.#abort.abort();
  }

  /** Paths on the studio's machine of what was dropped; null where the user stopped it. */
  sendDrop(transfer: DataTransfer): Promise<string[] | null> {
    // On the desktop a dropped folder has a path of its own and need not be gone through.
    if (this.#studio.host.kind === 'electron') return this.send([...transfer.files]);
    return this.#follow(async (signal) => this.#sendFiles(await this.#search(transfer, signal), signal));
  }

  /** As {@link sendDrop}, for files that were picked. */
  send(files: File[]): Promise<string[] | null> {
    this.files += files.length;
    return this.#follow((signal) => this.#sendFiles(files, signal));
  }

  /** Counts what is found in dropped folders. */
  async #search(transfer: DataTransfer, signal: AbortSignal): Promise<File[]> {
    this.#searches++;
    try {
      return await filesOfDrop(transfer, () => this.files++, signal);
    } finally {
      this.#searches--;
    }
  }

  #sendFiles(files: File[], signal: AbortSignal): Promise<string[]> {
    this.bytes += files.reduce((sum, { size }) => sum + size, 0);
    return this.#studio.host.filesToPaths(files, {
      signal,
      onSent: (sent) => {
        this.sentFiles += sent.files;
        this.sentBytes += sent.bytes;
      },
    });
  }

  async #follow(work: (signal: AbortSignal) => Promise<string[]>): Promise<string[] | null> {
    const { signal } = this.#abort;
    this.#drops++;
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    } finally {
      // What is on its way together is counted and stopped together.
      if (--this.#drops === 0) {
        this.#abort = new AbortController();
        this.files = this.sentFiles = this.bytes = this.sentBytes = 0;
      }
    }
  }
}
