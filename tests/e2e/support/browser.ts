import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { DatasetsPage } from './pages/datasets.ts';
import { type PageName, Shell } from './pages/shell.ts';

/** A page of the studio in real Chromium. */
export interface OpenPage {
  page: Page;
  /** What the page complained about so far: errors in scripts, refused resources, failed requests. */
  complaints: string[];
  close(): Promise<void>;
}

/**
 * Opens the studio; Chromium is the one that `npm test` found or installed.
 * @param options.now what the page's clock says from now on, in UTC; the machine's own otherwise.
 */
export async function openPage(url: string, options: { colorScheme?: 'light' | 'dark'; now?: Date } = {}): Promise<OpenPage> {
  const browser: Browser = await chromium.launch({
    executablePath: process.env.STRATA_CHROMIUM ?? '/usr/bin/chromium',
    // The sandbox cannot be had as root, where tests may run; nothing but the studio on this machine is opened.
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
    ],
  });
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 900 }, colorScheme: options.colorScheme ?? 'light' },
    ...(options.now && { timezoneId: 'UTC' }),
  });
  const page = await context.newPage();
  if (options.now) await page.clock.setFixedTime(options.now);
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // What was still on its way when the page was loaded anew: the browser gave it up.
    if (why !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${why}`);
  });
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, complaints, close: () => browser.close() };
}

/** Goes to a page of the studio by its link in the navigation. */
export async function goTo(page: Page, name: PageName): Promise<void> {
  const link = new Shell(page).link(name);
  await link.click();
  // Until this page stands in its place, the window takes what is dropped.
  await page.locator('nav a[aria-current="page"]').and(link).waitFor();
  await page.locator('main').getByRole('heading', { level: 1 }).waitFor();
}

/**
 * Drags files and folders of this machine over the page and lets them go, through the browser's own drag and drop.
 * @param whileOver what is done before they are let go.
 */
export async function dropFiles(page: Page, paths: string[], whileOver?: () => Promise<void>): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  await page.evaluate(
    "globalThis.dropSeen = new Promise((resolve) => addEventListener('drop', () => resolve(), { once: true, capture: true })), undefined",
  );
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    if (type === 'drop') await whileOver?.();
    await session.send('Input.dispatchDragEvent', { type, x: 640, y: 300, data });
  }
  // The browser forgets what its session drags when that ends: the page must have it by then.
  await page.evaluate('globalThis.dropSeen');
  await session.detach();
}

/** The import of that name among those that go on or have ended. */
export function importCard(page: Page, name: string): Locator {
  return new DatasetsPage(page).card(name);
}
