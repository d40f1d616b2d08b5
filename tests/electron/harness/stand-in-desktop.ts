import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page, type Route } from 'playwright-core';
import type { Desktop } from './desktop.ts';
import type { DialogAnswers } from './electron-stand-in.ts';
import type { FromProgram, ProgramState } from './messages.ts';
import { pageBridge } from './page-bridge.ts';
import { StandInProgram } from './stand-in-program.ts';

const root = resolve(import.meta.dirname, '../../..');
/** Chromium does not know our scheme. The page lies under this origin, which nothing but the program answers. */
const ORIGIN = 'https://strata.test';
const SCHEME = 'strata://app';

/**
 * The built program under the stand-in, and the built pages in real Chromium behind the built preload: every file of the page comes from the
 * program's own protocol handler with its content policy, every message passes the preload, every call the program's port.
 */
export class StandInDesktop implements Desktop {
  readonly folder: string;
  readonly complaints: string[] = [];
  readonly #program: StandInProgram;
  readonly #browser: Browser;
  readonly #preload: string;
  #context: BrowserContext | null = null;
  #page: Page | null = null;
  #loaded: Promise<void> = Promise.resolve();
  /** Ports that the page in the window has. */
  readonly #ports = new Set<number>();
  /** Messages are passed on one after the other: their order is part of what they say. */
  #passing: Promise<unknown> = Promise.resolve();

  static async start(): Promise<StandInDesktop> {
    const folder = await mkdtemp(join(tmpdir(), 'strata-desktop-'));
    const preload = await readFile(join(root, 'dist/electron/preload.cjs'), 'utf8');
    const browser = await chromium.launch({
      executablePath: process.env.STRATA_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    });
    const desktop = new StandInDesktop(folder, browser, pageBridge(preload));
    await desktop.#program.opened();
    await desktop.#loaded;
    return desktop;
  }

  private constructor(folder: string, browser: Browser, preload: string) {
    this.folder = folder;
    this.#browser = browser;
    this.#preload = preload;
    this.#program = new StandInProgram({ folder, words: [`--home=${join(folder, 'workspace')}`, '--sample=none'] });
    this.#program.onMessage = (message) => this.#receive(message);
  }

  get page(): Page {
    if (!this.#page) throw new Error('There is no window.');
    return this.#page;
  }

  answer<Name extends keyof DialogAnswers>(name: Name, answer: DialogAnswers[Name]): Promise<void> {
    return this.#program.ask('answerDialog', { name, answer }).then(() => undefined);
  }

  async asked(name: keyof DialogAnswers): Promise<Record<string, unknown>[]> {
    return (await this.#program.ask('called', { what: `dialog.${name}` })).map(([options]) => options as Record<string, unknown>);
  }

  state(): Promise<ProgramState> {
    return this.#program.ask('state', null);
  }

  async menu(...labels: string[]): Promise<void> {
    await this.#program.ask('menu', { labels });
  }

  async closeWindow(): Promise<void> {
    await this.#program.ask('closeWindow', null);
  }

  async isWindowVisible(): Promise<boolean> {
    return (await this.state()).windows[0]?.isVisible ?? false;
  }

  async startAgain(word: string): Promise<void> {
    await this.#program.ask('emit', { event: 'second-instance', values: [['strata', word], '/'] });
  }

  /** The page's end of its port is gone; the program does not hear of it. */
  async losePort(): Promise<void> {
    for (const port of this.#ports) await this.page.evaluate(`globalThis.__strataBridge.portClosed(${port})`);
    this.#ports.clear();
  }

  async quit(): Promise<void> {
    await this.#program.ask('emit', { event: 'before-quit', values: [] }).catch(() => undefined); // it may end before it answers
    await this.#program.ended();
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.#program.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  #receive(message: Exclude<FromProgram, { type: 'answer' | 'failed' }>): void {
    if (message.type === 'load') {
      this.#loaded = this.#open(message.url);
      this.#loaded.catch((error: unknown) => this.complaints.push(String(error)));
    } else if (message.type === 'reload') {
      void this.#page?.reload();
    } else if (message.type === 'closed') {
      const context = this.#context;
      this.#page = null;
      void context?.close();
    } else {
      if (message.type === 'port') this.#ports.add(message.port);
      else if (message.type === 'port-closed') this.#ports.delete(message.port);
      this.#passing = this.#passing.then(() => this.#passOn(message)).catch(() => undefined); // the page is gone
    }
  }

  /** The page is about to give way to another, as when it is loaded anew: Electron closes what it had. */
  async #leave(): Promise<void> {
    for (const port of this.#ports) this.#program.tell({ type: 'port-closed', port });
    this.#ports.clear();
    await this.#program.ask('contents', { event: 'did-start-loading' });
  }

  async #passOn(message: Extract<FromProgram, { type: 'send' | 'port' | 'port-message' | 'port-closed' }>): Promise<void> {
    const call =
      message.type === 'send'
        ? ['value', message.channel, message.value]
        : message.type === 'port'
          ? ['port', message.channel, message.port]
          : message.type === 'port-message'
            ? ['portMessage', message.port, message.data]
            : ['portClosed', message.port];
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
      this.#program.ask('send', { channel, values, frame: frameOf() }),
    );
    await page.exposeFunction('__strataInvoke', (channel: string, values: unknown[]) =>
      this.#program.ask('invoke', { channel, values, frame: frameOf() }),
    );
    await page.exposeFunction('__strataPort', (port: number, data: unknown) => this.#program.tell({ type: 'port-message', port, data }));
    await page.addInitScript(this.#preload);
    await context.route('**/*', (route) => this.#answer(route));
    page.on('popup', (popup) => void popup.waitForEvent('close', { timeout: 200 }).catch(() => popup.close()));
    page.on('load', () => void this.#program.ask('contents', { event: 'did-finish-load' }).catch(() => undefined)); // it may have ended
    this.#page = page;
    await page.goto(url.replace(SCHEME, ORIGIN));
    await this.#program.ask('readyToShow', null);
  }

  /** A request of the page: of our scheme, answered by the program; to elsewhere, only where the program lets the page go. */
  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const url = request.url().replace(ORIGIN, SCHEME);
    if (this.#page?.context().pages().length !== 1) {
      // A window that the page opened: the program is asked as Electron asks; it allows none, and it is gone (see the popup above).
      if (!(await this.#program.ask('openWindow', { url }))) return route.abort('blockedbyclient');
    }
    // An answer without content leaves the page where it is, as a navigation that was prevented does.
    const isAway = request.isNavigationRequest() && url !== `${SCHEME}/`;
    if (isAway && !(await this.#program.ask('navigate', { url }))) return route.fulfill({ status: 204 });
    if (!url.startsWith(SCHEME)) return route.abort('blockedbyclient');
    if (request.isNavigationRequest()) await this.#leave();
    const { status, headers, body } = await this.#program.ask('fetch', { method: request.method(), url });
    await route.fulfill({ status, headers, body: Buffer.from(body) });
  }
}
