import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { CHANNELS } from '../../main/electron/channels.ts';
import { isAllowedExternal } from '../../main/electron/security.ts';
import { hostSettingsSchema, isUpdateAddress } from '../../shared/contract/host-settings.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { senderFrame } from '../electron/harness/stand-in-objects.ts';
import { type HostUnderFire, makeSurroundings, startHostUnderFire, type Surroundings } from './host-under-fire.ts';
import { hostile } from './hostile-values.ts';
import { FUZZ_CASES, FUZZ_SEED } from './mutate.ts';

/** Seeded attacks on the desktop's host: what is tried, and what must hold whatever was tried. */

export const DESKTOP_FUZZ_TIMEOUT_MS = 30_000 + 10 * FUZZ_CASES;

/** What a case works with; `random` is that of its seed. */
export interface DesktopFuzz {
  where: Surroundings;
  host: HostUnderFire;
  random: () => number;
}

/** For all tests of a file: surroundings of their own, and for each test a program that has just been started. */
export function useDesktopFuzz(): DesktopFuzz {
  const fuzz = {} as DesktopFuzz;
  const faults: unknown[] = [];
  const note = (error: unknown): void => void faults.push(error);
  beforeAll(() => {
    fuzz.where = makeSurroundings();
    process.on('unhandledRejection', note);
  });
  afterAll(() => {
    process.off('unhandledRejection', note);
    fuzz.where.remove();
  });
  beforeEach(() => {
    fuzz.random = randomStream(FUZZ_SEED);
    return startHost(fuzz, ['strata']);
  });
  afterEach(() => {
    fuzz.host.end();
    expect(faults.map(String)).toEqual([]);
  });
  return fuzz;
}

/** Starts the program, anew where it runs. */
export async function startHost(fuzz: DesktopFuzz, commandLine: string[]): Promise<void> {
  const { where } = fuzz;
  writeFileSync(join(where.settings, 'recent.json'), JSON.stringify([where.home, where.recent]));
  fuzz.host = await startHostUnderFire(where, { commandLine, answer: () => hostileAnswer(fuzz) });
}

export function pick<Value>({ random }: Pick<DesktopFuzz, 'random'>, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

/**
 * Cases, each with a seed of its own that a failure names; the program is started again where one ended it. At the end its settings can be
 * read, nothing beside them was touched, and what nobody chose is refused.
 */
export async function cases(fuzz: DesktopFuzz, attempt: (text: string) => Promise<void> | void): Promise<void> {
  const { where } = fuzz;
  const before = treeOf(where);
  for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
    fuzz.random = randomStream(seed);
    answerDialogs(fuzz);
    await attempt(`seed ${seed}`);
    await new Promise((resolve) => setImmediate(resolve)); // what was not waited for
    const hasEnded = fuzz.host.hasEnded();
    expectUnharmed(fuzz, `seed ${seed}`);
    if (hasEnded) await startHost(fuzz, ['strata']);
  }
  expect(hostSettingsSchema.safeParse(await fuzz.host.invoke(CHANNELS.settings, senderFrame())).success).toBe(true);
  expect(treeOf(where), 'what lies beside the settings').toBe(before);
  await expect(fuzz.host.grants.check(where.secret, 'read')).rejects.toMatchObject({ code: 'BAD_INPUT' });
}

/** Anything, also something near to what is meant. */
export function anything(fuzz: DesktopFuzz): unknown {
  const { where, random } = fuzz;
  const near = [
    ...[{ title: 'x'.repeat(50_000), body: '\0' }, { title: 1, body: {} }, ['/etc/passwd', 1, null, where.secret], 'folder'],
    ...[{ zoom: 1.5 }, { zoom: 99 }, { language: 'de' }, { updates: { check: true, address: 'https://example.org/v' } }, 0.5, 2],
    ...[{ updates: { check: true, address: `file://${where.secret}` } }, { closing: 'stop', extra: 1 }, where.recent, where.home],
    JSON.parse('{"__proto__":{"closing":"stop"},"constructor":{"prototype":{"polluted":true}}}'),
  ];
  const source = {
    random,
    names: ['home', 'strata', '.bashrc', 'C:\\x\\y', 'a/../../b'],
    traps: [where.secret, '/etc/passwd'],
    hostility: 1,
  };
  return random() < 0.4 ? pick<unknown>(fuzz, near) : hostile(source);
}

/** As a person answers, wherever one is asked. */
function answerDialogs(fuzz: DesktopFuzz): void {
  const { where, random, host } = fuzz;
  host.electron.dialogAnswers = {
    showOpenDialog: { canceled: random() < 0.5, filePaths: pick(fuzz, [[], where.chosen, [where.recent]]) },
    showSaveDialog: { canceled: random() < 0.5, filePath: pick(fuzz, ['', join(where.downloads, 'new.gguf')]) },
    showMessageBox: { response: pick(fuzz, [0, 1, 2, -1, 99]), checkboxChecked: random() < 0.5 },
  };
}

function hostileAnswer(fuzz: DesktopFuzz): Response {
  const bodies = [
    '{"version":"9.9.9"}',
    '{"version":"../x"}',
    '{"__proto__":{"polluted":1}}',
    '[',
    '',
    'x'.repeat(100_000),
    '{"version":1}',
  ];
  return new Response(pick(fuzz, bodies), { status: pick(fuzz, [200, 200, 200, 404, 500]) });
}

/** Everything outside the person's settings: names and contents. */
function treeOf({ root, settings }: Surroundings): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(entry.parentPath, entry.name);
    if (!path.startsWith(settings)) hash.update(`${path}\n`).update(entry.isFile() ? readFileSync(path) : '');
  }
  return hash.digest('hex');
}

/** Whether it can be sent from one process to another. */
export function isCopiable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether an answer of a channel is one that its page counts on. */
export function expectAnswer({ where }: DesktopFuzz, channel: string, answer: unknown, text: string): void {
  const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string');
  const isGood: Record<string, (value: unknown) => boolean> = {
    [CHANNELS.pickPaths]: (value) => isTexts(value) && (value as string[]).every((path) => [...where.chosen, where.recent].includes(path)),
    [CHANNELS.droppedPaths]: (value) => value === undefined,
    [CHANNELS.pickSavePath]: (value) => value === null || value === join(where.downloads, 'new.gguf'),
    [CHANNELS.recentWorkspaces]: (value) =>
      isTexts(value) && (value as string[]).every((path) => [where.home, where.recent].includes(path)),
    [CHANNELS.openWorkspace]: (value) => typeof value === 'boolean',
    [CHANNELS.settings]: (value) => hostSettingsSchema.safeParse(value).success,
    [CHANNELS.changeSettings]: (value) => hostSettingsSchema.safeParse(value).success,
    [CHANNELS.checkForUpdate]: (value) => /^1\.2\.3$/.test((value as { current: string }).current),
  };
  expect(isGood[channel]!(answer), `${text}: ${JSON.stringify(answer)?.slice(0, 200)}`).toBe(true);
}

/** What must hold after every case. */
export function expectUnharmed({ where, host }: DesktopFuzz, text: string): void {
  const { electron, granted, fetched } = host;
  expect(({} as { polluted?: unknown }).polluted, text).toBeUndefined();
  const chosen = [...where.chosen, where.recent, join(where.downloads, 'new.gguf')];
  expect(
    [...granted].filter((path) => !chosen.includes(path)),
    text,
  ).toEqual([]);
  expect(
    fetched.filter((address) => !isUpdateAddress(address)),
    text,
  ).toEqual([]);
  for (const [folder] of electron.called('shell.openPath')) expect([where.logs, where.home], text).toContain(folder);
  for (const [address] of electron.called('shell.openExternal')) expect(isAllowedExternal(address as string), text).toBe(true);
  for (const [{ args }] of electron.called('app.relaunch') as [{ args: string[] }][])
    expect([`--home=${where.recent}`, `--home=${where.chosen[0]!}`], text).toContain(args.at(-1));
  for (const [{ defaultPath }] of electron.called('dialog.showSaveDialog') as [{ defaultPath: string }][])
    expect(basename(defaultPath), text).toMatch(/^[^/\\:*?"<>|.\s-][^/\\:*?"<>|]{0,119}$/);
  for (const { options } of electron.notifications) {
    expect([typeof options.title, typeof options.body, options.title.length <= 200, options.body.length <= 1000], text).toEqual([
      ...['string', 'string', true, true],
    ]);
  }
  for (const value of electron.windows[0]?.progress ?? []) expect(value === -1 || (value >= 0 && value <= 1), text).toBe(true);
  electron.calls.splice(0, electron.calls.length);
  electron.notifications.splice(0);
  electron.windows[0]?.progress.splice(0);
}
