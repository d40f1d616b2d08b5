import { hostSettingsChangeSchema, type HostSettings, hostSettingsSchema } from '../../shared/contract/host-settings.ts';
import { JsonFile } from './json-file.ts';

/** The person's settings of the desktop program, kept in a file. */
export class SettingsStore {
  readonly #file: JsonFile<HostSettings>;
  readonly #listeners: ((settings: HostSettings) => void)[] = [];
  #settings: HostSettings;

  constructor(path: string, log: (message: string) => void) {
    this.#file = new JsonFile(path, hostSettingsSchema, log);
    this.#settings = this.#file.read() ?? hostSettingsSchema.parse({});
  }

  get(): HostSettings {
    return this.#settings;
  }

  /**
   * Changes what is named. What comes from a page is not trusted: a change that cannot be made changes nothing.
   * @returns the settings as they then are.
   */
  change(change: unknown): HostSettings {
    const parsed = hostSettingsChangeSchema.safeParse(change);
    if (!parsed.success) return this.#settings;
    const given = Object.fromEntries(Object.entries(parsed.data).filter(([, value]) => value !== undefined));
    this.#settings = hostSettingsSchema.parse({ ...this.#settings, ...given });
    this.#file.write(this.#settings);
    for (const listener of this.#listeners) listener(this.#settings);
    return this.#settings;
  }

  /** Tells of every change. */
  onChange(listener: (settings: HostSettings) => void): void {
    this.#listeners.push(listener);
  }
}
