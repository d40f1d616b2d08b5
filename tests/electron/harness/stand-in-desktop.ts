import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page, type Route } from 'playwright-core';
import type { DialogAnswers } from '../electron-stand-in.ts';
import type { Desktop } from './desktop.ts';
import { pageBridge } from './page-bridge.ts';
import type { FromProgram, ProgramState, Questions, ToProgram } from './messages.ts';

const root = resolve(import.meta.dirname, '../../..');
/** Chromium does not know our scheme. The page lies under this origin, which nothing but the program answers. */
const ORIGIN = 'https://strata.test';
const SCHEME = 'strata://app';

/**
 * The built program (dist/electron/main.js) in a process of its own, in which `electron` is the stand-in, and the built pages in real
 * Chromium behind the built preload: every file of the page comes from the program's own protocol handler with its content policy, every
 * message passes the preload, every call the program's port.
 */
export class StandInDesktop implements Desktop {
  readonly folder: string;
  readonly complaints: string[] = [];
  readonly #program: ChildProcess;
  readonly #browser: Browser;
  readonly #preload: string;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #context: BrowserContext | null = null;
  #page: Page | null = null;
  #loaded: Promise<void> = Promise.resolve();
  #asked = 0;
  /** Messages are passed on one after the other: their order is part of what they say. */
  #passing: Promise<unknown> = Promise.resolve();

  /** @param words of the command line, after the program's name. */
  static async start(words: string[] = [], given?: string): Promise<StandInDesktop> {
    const folder = given ?? (await mkdtemp(join(tmpdir(), 'strata-desktop-')));
    const preload = await readFile(join(root, 'dist/electron/preload.cjs'), 'utf8');
    const browser = await chromium.launch({
      executablePath: process.env.STRATA_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    });
    const desktop = new StandInDesktop(folder, browser, pageBridge(preload), words);
    await desktop.#opened();
    return desktop;
  }

  private constructor(folder: string, browser: Browser, preload: string, words: string[]) {
    this.folder = folder;
    this.#browser = browser;
    this.#preload = preload;
    this.#program = fork(join(root, 'dist/electron/main.js'), [`--home=${join(folder, 'workspace')}`, ...words], {
      execArgv: ['--import', join(import.meta.dirname, 'register.ts')],
      env: { ...process.env, STRATA_HARNESS_FOLDER: folder },
      serialization: 'advanced',
    });
    this.#program.on('message', (message) => this.#receive(message as FromProgram));
    this.#program.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The program has ended.'));
    });
  }

  get page(): Page {
    if (!this.#page) throw new Error('There is no window.');
    return this.#page;
  }

  answer<Name extends keyof DialogAnswers>(name: Name, answer: DialogAnswers[Name]): Promise<void> {
    return this.#ask('answerDialog', { name, answer }).then(() => undefined);
  }

  async asked(name: keyof DialogAnswers): Promise<Record<string, unknown>[]> {
    return (await this.called(`dialog.${name}`)).map(([options]) => options as Record<string, unknown>);
  }

  /** What the program asked of Electron under that name. */
  called(what: string): Promise<unknown[][]> {
    return this.#ask('called', { what });
  }

  state(): Promise<ProgramState> {
    return this.#ask('state', null);
  }

  async menu(...labels: string[]): Promise<void> {
    await this.#ask('menu', { labels });
  }

  async tray(label: string): Promise<void> {
    await this.#ask('tray', { label });
  }

  async closeWindow(): Promise<void> {
    await this.#ask('closeWindow', null);
  }

  async isWindowVisible(): Promise<boolean> {
    return (await this.state()).windows[0]?.isVisible ?? false;
  }

  async startAgain(word: string): Promise<void> {
    await this.#ask('emit', { event: 'second-instance', values: [['strata', word], '/'] });
  }

  /** The first port of the page is lost. */
  async losePort(): Promise<void> {
    await this.page.evaluate('globalThis.__strataBridge.portClosed(0)');
  }

  /** Paths of files that are dropped, which only the system knows. */
  async knowPaths(paths: readonly string[]): Promise<void> {
    const pairs = paths.map((path) => [path.split('/').at(-1), path]);
    await this.page.evaluate(`globalThis.__strataBridge.setPaths(${JSON.stringify(pairs)})`);
  }

  async quit(): Promise<void> {
    const ended = once(this.#program, 'exit');
    await this.#ask('emit', { event: 'before-quit', values: [] }).catch(() => undefined); // it may end before it answers
    await ended;
  }

  get hasEnded(): boolean {
    return this.#program.exitCode !== null || this.#program.signalCode !== null;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    if (!this.hasEnded) {
      const ended = once(this.#program, 'exit');
      this.#program.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The window has been opened and its page loaded. */
  async #opened(): Promise<void> {
    const ended = once(this.#program, 'exit').then(() => Promise.reject(new Error('The program ended before it opened a window.')));
    ended.catch(() => undefined);
    while (!this.#page) await Promise.race([new Promise((settle) => setTimeout(settle, 20)), ended]);
    await this.#loaded;
  }

  #ask<What extends keyof Questions>(what: What, asked: Questions[What]['asked']): Promise<Questions[What]['answer']> {
    const number = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      if (this.#program.connected) this.#tell({ type: 'ask', number, what, asked });
      else reject(new Error('The program has ended.'));
    });
  }

  #tell(message: ToProgram): void {
    if (this.#program.connected) this.#program.send(message);
  }

  #receive(message: FromProgram): void {
    if (message.type === 'answer' || message.type === 'failed') {
      const waiting = this.#waiting.get(message.number);
      this.#waiting.delete(message.number);
      if (message.type === 'answer') waiting?.resolve(message.value);
      else waiting?.reject(new Error(message.message));
      return;
    }
    if (message.type === 'load') {
      this.#loaded = this.#open(message.url);
      this.#loaded.catch((error: unknown) => this.complaints.push(String(error)));
    } else if (message.type === 'reload') {
      void this.#ask('contents', { event: 'did-start-loading' });
      void this.#page?.reload().then(() => this.#ask('contents', { event: 'did-finish-load' }));
    } else if (message.type === 'closed') {
      const context = this.#context;
      this.#page = null;
      void context?.close();
    } else {
      this.#passing = this.#passing.then(() => this.#passOn(message)).catch(() => undefined); // the page is gone
    }
  }

  async #passOn(message: FromProgram): Promise<void> {
    const call =
      message.type === 'send'
        ? ['value', message.channel, message.value]
        : message.type === 'port'
          ? ['port', message.channel, message.port]
          : message.type === 'port-message'
            ? ['portMessage', message.port, message.data]
            : ['portClosed', (message as { port: number }).port];
    // Playwright's own way to give values does not know what a message of the contract may hold; a text does.
    await this.#page?.evaluate(`globalThis.__strataBridge[${JSON.stringify(call[0])}](...${JSON.stringify(call.slice(1))})`);
  }

  async #open(url: string): Promise<void> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 860 } });
    this.#context = context;
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    const frameOf = (): string => page.url().replace(ORIGIN, SCHEME);
    await page.exposeFunction('__strataSend', (channel: string, values: unknown[]) =>
      this.#ask('send', { channel, values, frame: frameOf() }),
    );
    await page.exposeFunction('__strataInvoke', (channel: string, values: unknown[]) =>
      this.#ask('invoke', { channel, values, frame: frameOf() }),
    );
    await page.exposeFunction('__strataPort', (port: number, data: unknown) => this.#tell({ type: 'port-message', port, data }));
    await page.exposeFunction('__strataPortClosed', (port: number) => this.#tell({ type: 'port-closed', port }));
    await page.addInitScript(this.#preload);
    await context.route('**/*', (route) => this.#answer(route));
    page.on('popup', (popup) => void popup.waitForEvent('close', { timeout: 200 }).catch(() => popup.close()));
    this.#page = page;
    await this.#ask('contents', { event: 'did-start-loading' });
    await page.goto(url.replace(SCHEME, ORIGIN));
    await this.#ask('readyToShow', null);
    await this.#ask('contents', { event: 'did-finish-load' });
  }

  /** A request of the page: of our scheme, answered by the program; to elsewhere, only where the program lets the page go. */
  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const url = request.url().replace(ORIGIN, SCHEME);
    if (this.#page?.context().pages().length !== 1) {
      // A window that the page opened: the program is asked as Electron asks; it allows none, and it is gone (see the popup above).
      if (!(await this.#ask('openWindow', { url }))) return route.abort('blockedbyclient');
    }
    // An answer without content leaves the page where it is, as a navigation that was prevented does.
    const isAway = request.isNavigationRequest() && url !== `${SCHEME}/`;
    if (isAway && !(await this.#ask('navigate', { url }))) return route.fulfill({ status: 204 });
    if (!url.startsWith(SCHEME)) return route.abort('blockedbyclient');
    const { status, headers, body } = await this.#ask('fetch', { method: request.method(), url });
    await route.fulfill({ status, headers, body: Buffer.from(body) });
  }
}
