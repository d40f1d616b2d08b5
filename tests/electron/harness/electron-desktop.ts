import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { whyNoWindow } from '../../../scripts/setup/electron-binary.mjs';
import type { Desktop } from './desktop.ts';
import type { DialogAnswers } from './electron-stand-in.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Electron's executable, which `npm test` looks for, or why the program cannot be driven here. */
export function electronHere(): { executable: string } | { problem: string } {
  const executable = process.env.STRATA_ELECTRON;
  if (!executable) return { problem: 'STRATA_ELECTRON names no Electron ("npm test -- --only electron" looks for one).' };
  const problem = whyNoWindow();
  return problem ? { problem } : { executable };
}

/** The built program in Electron itself, driven through its debugging port: what a checkout starts, for packages have that port welded shut. */
export class ElectronDesktop implements Desktop {
  readonly folder: string;
  readonly complaints: string[] = [];
  readonly #program: ElectronApplication;
  #page: Page;

  /** @throws Error when Electron does not open a window. */
  static async start(executable: string): Promise<ElectronDesktop> {
    const folder = await mkdtemp(join(tmpdir(), 'strata-electron-'));
    const program = await _electron.launch({
      executablePath: executable,
      args: ['.', `--user-data-dir=${join(folder, 'settings')}`, `--home=${join(folder, 'workspace')}`, '--sample=none'],
      cwd: root,
    });
    return new ElectronDesktop(folder, program, await program.firstWindow());
  }

  private constructor(folder: string, program: ElectronApplication, page: Page) {
    this.folder = folder;
    this.#program = program;
    this.#page = this.#follow(page);
    program.on('window', (opened) => (this.#page = this.#follow(opened)));
  }

  get page(): Page {
    return this.#page;
  }

  async answer<Name extends keyof DialogAnswers>(name: Name, answer: DialogAnswers[Name]): Promise<void> {
    await this.#program.evaluate(
      ({ dialog }, [which, given]) => {
        const asked = ((globalThis as { asked?: Record<string, unknown[]> }).asked ??= {});
        // The window comes first where there is one.
        const stand = (...values: unknown[]): Promise<unknown> => {
          (asked[which] ??= []).push(JSON.parse(JSON.stringify(values.at(-1))));
          return Promise.resolve(given);
        };
        Object.assign(dialog, { [which]: stand });
      },
      [name, answer] as const,
    );
  }

  asked(name: keyof DialogAnswers): Promise<Record<string, unknown>[]> {
    return this.#program.evaluate(
      (_electron, which) => ((globalThis as { asked?: Record<string, Record<string, unknown>[]> }).asked ?? {})[which] ?? [],
      name,
    );
  }

  async menu(...labels: string[]): Promise<void> {
    await this.#program.evaluate(({ Menu }, words) => {
      let items = Menu.getApplicationMenu()?.items ?? [];
      for (const word of words.slice(0, -1)) items = items.find(({ label }) => label === word)?.submenu?.items ?? [];
      const item = items.find(({ label }) => label === words.at(-1));
      if (!item) throw new Error(`The menu has no ${words.join(' > ')}.`);
      item.click();
    }, labels);
  }

  async closeWindow(): Promise<void> {
    await this.#program.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
  }

  isWindowVisible(): Promise<boolean> {
    return this.#program.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? false);
  }

  async startAgain(word: string): Promise<void> {
    await this.#program.evaluate(({ app }, last) => void app.emit('second-instance', {}, ['strata', last], '/'), word);
  }

  async quit(): Promise<void> {
    const ended = this.#program.waitForEvent('close');
    await this.#program.evaluate(({ app }) => app.quit());
    await ended;
  }

  async stop(): Promise<void> {
    this.#program.process().kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #follow(page: Page): Page {
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    return page;
  }
}
