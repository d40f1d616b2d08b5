import type { HostSettings, HostSettingsChange, UpdateReport } from '../../../shared/contract/host-settings.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** What can be set about the desktop program; of a host without such settings nothing is ever known. */
export class DesktopSettings extends Attempts {
  readonly #studio: StudioState;
  settings = $state.raw<HostSettings | null>(null);
  recentWorkspaces = $state.raw<readonly string[]>([]);
  /** Of the last time that the person asked. */
  update = $state.raw<UpdateReport | null>(null);

  constructor(studio: StudioState) {
    super();
    this.#studio = studio;
  }

  async load(): Promise<void> {
    const { host } = this.#studio;
    await this.attempt(async () => {
      this.settings = (await host.settings?.get()) ?? null;
      this.recentWorkspaces = (await host.recentWorkspaces?.()) ?? [];
    });
  }

  /** Follows changes that are made in the menu. @returns what ends that. */
  follow(): () => void {
    const end = this.#studio.host.onEvent?.((event) => {
      if (event.type === 'settings') this.settings = event.settings;
    });
    return end ?? (() => undefined);
  }

  async change(change: HostSettingsChange): Promise<void> {
    await this.attempt(async () => {
      this.settings = (await this.#studio.host.settings?.change(change)) ?? this.settings;
    });
  }

  async checkForUpdate(): Promise<void> {
    await this.attempt(async () => {
      this.update = (await this.#studio.host.checkForUpdate?.()) ?? null;
    });
  }

  openWorkspace(folder: string | null): void {
    void this.attempt(async () => {
      await this.#studio.host.openWorkspace?.(folder);
    });
  }

  showLogs(): void {
    this.#studio.host.showLogs?.();
  }
}
