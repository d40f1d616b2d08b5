import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { os } from '@orpc/server';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CHANNELS } from '../../main/electron/channels.ts';
import { startHost } from '../../main/electron/host.ts';
import type { Activity, ActivityEvent } from '../../main/studio/activity.ts';
import { ElectronStandIn } from './harness/electron-stand-in.ts';
import { ContentsStandIn, type PortStandIn, senderFrame } from './harness/stand-in-objects.ts';

const router = { echo: os.handler(({ input }) => ({ heard: input })) };

const idle: Activity = { training: null, waiting: 0 };
const atWork: Activity = { training: { run: 'novels-1a2b3c4d', name: 'Novels', step: 5, steps: 20, isOurs: true }, waiting: 1 };

interface Started {
  electron: ElectronStandIn;
  closed: string[];
  /** Paths that the page may name. */
  granted: string[];
  /** The person's own folder. */
  folder: string;
  /** What goes on from now on, and what has ended. */
  tell(event: ActivityEvent): void;
}

async function started(
  options: {
    fail?: Error;
    electron?: ElectronStandIn;
    platform?: NodeJS.Platform;
    commandLine?: string[];
    activity?: Activity;
    settings?: object;
  } = {},
): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'strata-host-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (options.settings) writeFileSync(join(folder, 'settings.json'), JSON.stringify(options.settings));
  const electron = options.electron ?? new ElectronStandIn({ paths: { userData: folder } });
  const closed: string[] = [];
  const granted: string[] = [];
  let activity = options.activity ?? idle;
  const events: ActivityEvent[] = [{ kind: 'now', activity }];
  await startHost(electron.parts, {
    rendererDirectory: '/nowhere/renderer',
    preloadPath: '/nowhere/preload.cjs',
    iconPath: '/nowhere/tray.png',
    openStudio: () => {
      if (options.fail) throw options.fail;
      const activities = {
        now: () => activity,
        follow: async function* (signal: AbortSignal) {
          while (!signal.aborted) {
            const event = events.shift();
            if (event) yield event;
            else await delay(5);
          }
        },
      };
      return {
        router,
        home: '/home/me/strata',
        activities,
        grantPaths: (paths) => Promise.resolve(void granted.push(...paths)),
        grantNew: (path) => Promise.resolve(void granted.push(path)),
        close: () => Promise.resolve(void closed.push('closed')),
      };
    },
    log: () => undefined,
    crashes: { write: (what) => (electron.calls.push(['crash', what]), '/report') },
    platform: options.platform ?? 'linux',
    commandLine: options.commandLine ?? ['strata'],
  });
  const tell = (event: ActivityEvent): void => {
    if (event.kind === 'now') activity = event.activity;
    events.push(event);
  };
  onTestFinished(() => void electron.powerMonitor.emit('shutdown', { preventDefault: () => undefined }));
  return { electron, closed, granted, folder, tell };
}

const settle = (): Promise<void> => delay(40);
/** What the page was told, once it listens. */
function listen(electron: ElectronStandIn): unknown[] {
  const page = electron.windows[0]!.webContents;
  electron.ipcMain.emit(CHANNELS.listen, { senderFrame: senderFrame(), sender: page });
  return page.sent.map(([, event]) => event);
}

describe('the window', () => {
  test('loads our scheme, isolated and sandboxed', async () => {
    const { electron } = await started();
    const [window] = electron.windows;
    expect(electron.windows).toHaveLength(1);
    expect(window!.loadedUrl).toBe('strata://app/');
    expect(electron.called('protocol.handle').map(([scheme]) => scheme)).toEqual(['strata']);
    // These and no others: nothing of Blink's is switched on, for example.
    expect(window!.options.webPreferences).toEqual({
      preload: '/nowhere/preload.cjs',
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    });
  });

  test('is shown once it can be seen, and brought to the front by a second start', async () => {
    const { electron } = await started();
    const window = electron.windows[0]!;
    expect(window.shown).toEqual([]);
    window.emit('ready-to-show');
    window.isMinimizedNow = true;
    electron.app.emit('second-instance', {}, ['strata'], '/');
    expect(window.shown).toEqual(['show', 'restore', 'show', 'focus']);
  });

  test('is loaded again when its process died, with a report; when it dies again at once, the person is asked', async () => {
    const { electron } = await started();
    electron.dialogAnswers.showMessageBox = { response: 1, checkboxChecked: false };
    const [window] = electron.windows;
    const die = (): boolean => window!.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 });
    die();
    await settle();
    expect({ shown: window!.shown, reports: electron.called('crash') }).toEqual({ shown: ['reload'], reports: [['the page']] });
    die();
    await settle();
    expect(electron.called('dialog.showMessageBox')).toHaveLength(1);
    expect(window!.isDestroyed()).toBe(true);
  });

  test('comes back where it was', async () => {
    const first = await started();
    const [window] = first.electron.windows;
    window!.bounds = { x: 300, y: 200, width: 900, height: 600 };
    window!.close();
    expect(JSON.parse(readFileSync(join(first.folder, 'window.json'), 'utf8'))).toMatchObject({ x: 300, width: 900 });
    const second = await started({ electron: new ElectronStandIn({ paths: { userData: first.folder } }) });
    expect(second.electron.windows[0]!.options).toMatchObject({ x: 300, y: 200, width: 900, height: 600 });
  });

  test('there is no second studio: the second start ends', async () => {
    const electron = new ElectronStandIn();
    electron.isFirstInstance = false;
    await started({ electron });
    expect(electron.called('app.quit')).toHaveLength(1);
    expect(electron.windows).toEqual([]);
  });

  test('closing it quits, except on macOS, where it opens again', async () => {
    const linux = await started();
    linux.electron.windows[0]!.close();
    expect(linux.electron.called('app.quit')).toHaveLength(1);

    const mac = await started({ platform: 'darwin' });
    mac.electron.windows[0]!.close();
    expect(mac.electron.called('app.quit')).toEqual([]);
    mac.electron.app.emit('activate');
    expect(mac.electron.windows).toHaveLength(1);
  });
});

test('permissions are denied and whatever is created is confined', async () => {
  const { electron } = await started();
  expect(Object.keys(electron.sessionHandlers).sort()).toEqual([
    'setDevicePermissionHandler',
    'setPermissionCheckHandler',
    'setPermissionRequestHandler',
  ]);
  const contents = new ContentsStandIn();
  electron.app.emit('web-contents-created', {}, contents);
  expect(contents.isPrevented('will-navigate', { url: 'https://example.org/' })).toBe(true);
  contents.windowOpenHandler!({ url: 'https://arxiv.org/abs/2401.02415' });
  expect(electron.called('shell.openExternal')).toEqual([['https://arxiv.org/abs/2401.02415']]);
});

describe('the end', () => {
  test('quitting waits for the studio to save, then goes', async () => {
    const { electron, closed } = await started();
    let prevented = 0;
    const event = { preventDefault: () => prevented++ };
    electron.app.emit('before-quit', event);
    electron.app.emit('before-quit', event);
    await settle();
    expect({ prevented, closed, exits: electron.called('app.exit') }).toEqual({ prevented: 1, closed: ['closed'], exits: [[0]] });
  });

  test('a workspace that does not open is explained, and nothing is shown', async () => {
    const { electron } = await started({ fail: new Error('The workspace is newer than this Strata.') });
    expect(electron.called('dialog.showErrorBox')).toEqual([
      ['Strata cannot open its workspace', 'The workspace is newer than this Strata.'],
    ]);
    expect(electron.called('app.exit')).toEqual([[1]]);
    expect(electron.windows).toEqual([]);
  });
});

describe('messages of the page', () => {
  test("the page's port answers the contract", async () => {
    const { electron } = await started();
    const frame = senderFrame();
    electron.ipcMain.emit(CHANNELS.connect, { senderFrame: frame });
    const [channel, , ports] = frame.received[0] as [string, null, [PortStandIn]];
    expect(channel).toBe(CHANNELS.port);
    ports[0].start();
    const client = createORPCClient(new RPCLink({ port: ports[0] as never })) as { echo(input: string): Promise<unknown> };
    expect(await client.echo('hello')).toEqual({ heard: 'hello' });
    ports[0].close();
  });

  test.each([
    ['a page from elsewhere', senderFrame('https://example.org/')],
    ['a frame inside our page', senderFrame('strata://app/', {})],
    ['a frame that is gone', null],
  ])('%s gets nothing', async (_what, frame) => {
    const { electron, granted } = await started();
    electron.dialogAnswers.showOpenDialog = { canceled: false, filePaths: ['/home/me/secret'] };
    electron.ipcMain.emit(CHANNELS.connect, { senderFrame: frame });
    electron.ipcMain.emit(CHANNELS.progress, { senderFrame: frame }, 0.5);
    expect(frame?.received ?? []).toEqual([]);
    expect(await electron.handlers.get(CHANNELS.pickPaths)!({ senderFrame: frame }, 'files')).toEqual([]);
    expect(electron.called('dialog.showOpenDialog')).toEqual([]);
    await electron.handlers.get(CHANNELS.droppedPaths)!({ senderFrame: frame }, ['/home/me/secret']);
    expect(granted).toEqual([]);
    for (const channel of [CHANNELS.notify, CHANNELS.showLogs, CHANNELS.listen]) electron.ipcMain.emit(channel, { senderFrame: frame }, {});
    const asked = [CHANNELS.pickSavePath, CHANNELS.recentWorkspaces, CHANNELS.openWorkspace, CHANNELS.settings, CHANNELS.changeSettings];
    const answers = await Promise.all(asked.map((channel) => electron.handlers.get(channel)!({ senderFrame: frame }, { zoom: 2 })));
    expect(answers).toEqual([null, [], false, null, null]);
    expect(await electron.handlers.get(CHANNELS.checkForUpdate)!({ senderFrame: frame })).toBeNull();
    expect(electron.called('shell.openPath')).toEqual([]);
    expect(electron.windows[0]!.progress.filter((value) => value >= 0)).toEqual([]);
    expect(electron.windows[0]!.webContents).toMatchObject({ sent: [], zoom: 1 });
  });

  test('the page may name what was dropped on it, and nothing that is no path', async () => {
    const { electron, granted } = await started();
    const dropped = electron.handlers.get(CHANNELS.droppedPaths)!;
    await dropped({ senderFrame: senderFrame() }, ['/home/me/texts', 7, null]);
    await dropped({ senderFrame: senderFrame() }, '/etc');
    expect(granted).toEqual(['/home/me/texts']);
  });

  test('where something is to be written is asked for by a plain name, and may be written then', async () => {
    const { electron, granted } = await started();
    electron.dialogAnswers.showSaveDialog = { canceled: false, filePath: '/out/novels.gguf' };
    const save = electron.handlers.get(CHANNELS.pickSavePath)!;
    expect(await save({ senderFrame: senderFrame() }, '../../novels.gguf')).toBe('/out/novels.gguf');
    expect(electron.called('dialog.showSaveDialog')).toMatchObject([[{ defaultPath: 'novels.gguf' }]]);
    expect(granted).toEqual(['/out/novels.gguf']);
  });

  test('the dialog gives paths, which the page may name from then on, or none when it is cancelled', async () => {
    const { electron, granted } = await started();
    const pick = (wanted: string): unknown => electron.handlers.get(CHANNELS.pickPaths)!({ senderFrame: senderFrame() }, wanted);
    electron.dialogAnswers.showOpenDialog = { canceled: false, filePaths: ['/a', '/b'] };
    expect(await pick('files')).toEqual(['/a', '/b']);
    electron.dialogAnswers.showOpenDialog = { canceled: true, filePaths: [] };
    expect(await pick('folder')).toEqual([]);
    expect(granted).toEqual(['/a', '/b']);
    expect(electron.called('dialog.showOpenDialog')).toEqual([
      [{ properties: ['openFile', 'multiSelections'] }],
      [{ properties: ['openDirectory', 'createDirectory'], defaultPath: '/' }],
    ]);
  });

  test('what a page waits for is on the taskbar and keeps the machine awake while it lasts', async () => {
    const { electron } = await started();
    await settle();
    electron.windows[0]!.progress.splice(0);
    for (const value of [0, 0.5, 2, null]) electron.ipcMain.emit(CHANNELS.progress, { senderFrame: senderFrame() }, value);
    expect(electron.windows[0]!.progress).toEqual([0, 0.5, -1, -1]);
    expect(electron.called('powerSaveBlocker.start')).toEqual([['prevent-app-suspension']]);
    expect(electron.called('powerSaveBlocker.stop')).toEqual([[7]]);
  });
});

describe('while something trains', () => {
  test('progress and wakefulness follow the studio, whichever page is open', async () => {
    const { electron, tell } = await started({ activity: atWork });
    await settle();
    expect(electron.windows[0]!.progress.at(-1)).toBe(0.25);
    expect(electron.called('powerSaveBlocker.start')).toHaveLength(1);
    tell({ kind: 'now', activity: idle });
    await settle();
    expect(electron.windows[0]!.progress.at(-1)).toBe(-1);
    expect(electron.called('powerSaveBlocker.stop')).toEqual([[7]]);
  });

  test('the end is told, unless the window is looked at or the person wants none; choosing it opens the run', async () => {
    const { electron, tell } = await started({ activity: atWork });
    const run = { id: 'novels-1a2b3c4d', name: 'Novels', status: 'done', gain: 0.5, forgetting: 0.01, error: null, stopReason: null };
    electron.windows[0]!.show();
    electron.windows[0]!.isFocusedNow = true;
    tell({ kind: 'ended', run: run as never });
    await settle();
    expect(electron.notifications).toEqual([]);
    electron.windows[0]!.isFocusedNow = false;
    tell({ kind: 'ended', run: run as never });
    await settle();
    expect(electron.notifications.map(({ options, isShown }) => ({ ...options, isShown }))).toEqual([
      { title: '“Novels” is trained', body: 'Gain 0.500, forgetting 0.010 nats per token.', isShown: true },
    ]);
    electron.notifications[0]!.emit('click');
    expect(listen(electron)).toEqual([{ type: 'run', run: 'novels-1a2b3c4d' }]);
    await electron.handlers.get(CHANNELS.changeSettings)!({ senderFrame: senderFrame() }, { notifications: false });
    tell({ kind: 'ended', run: run as never });
    await settle();
    expect(electron.notifications).toHaveLength(1);
  });

  test('closing asks: cancelled nothing happens, in the background the window hides behind the tray, stopped it ends', async () => {
    const { electron, closed } = await started({ activity: atWork });
    const [window] = electron.windows;
    window!.show();
    electron.dialogAnswers.showMessageBox = { response: 2, checkboxChecked: false };
    window!.close();
    window!.close(); // one question, however often it is asked
    await settle();
    expect(electron.called('dialog.showMessageBox')).toHaveLength(1);
    expect(electron.called('dialog.showMessageBox')[0]).toMatchObject([
      { message: '“Novels” is training: step 5 of 20. 1 run waits in the queue.' },
    ]);
    expect([window!.isVisible(), electron.trays.length]).toEqual([true, 0]);

    electron.dialogAnswers.showMessageBox = { response: 0, checkboxChecked: false };
    window!.close();
    await settle();
    expect([window!.isVisible(), electron.trays[0]!.toolTip]).toEqual([false, 'Strata: “Novels”, 25 %']);
    electron.trays[0]!.menu[0]!.click!();
    expect([window!.isVisible(), electron.trays[0]!.isDestroyedNow]).toEqual([true, true]);

    electron.dialogAnswers.showMessageBox = { response: 1, checkboxChecked: true };
    window!.close();
    await settle();
    expect({ closed, exits: electron.called('app.exit') }).toEqual({ closed: ['closed'], exits: [[0]] });
  });

  test('who has chosen is not asked', async () => {
    const { electron, closed } = await started({ activity: atWork, settings: { closing: 'stop' } });
    electron.windows[0]!.close();
    await settle();
    expect({ closed, asked: electron.called('dialog.showMessageBox') }).toEqual({ closed: ['closed'], asked: [] });
  });

  test('when the system ends nobody is asked, and what trains is saved', async () => {
    const { electron, closed } = await started({ activity: atWork });
    electron.powerMonitor.emit('shutdown', { preventDefault: () => undefined });
    await settle();
    expect({ closed, asked: electron.called('dialog.showMessageBox') }).toEqual({ closed: ['closed'], asked: [] });
  });

  test('a trainer that dies leaves a report', async () => {
    const { electron } = await started({ activity: atWork });
    electron.app.emit('child-process-gone', {}, { type: 'Utility', name: 'Strata trainer', reason: 'oom', exitCode: 9 });
    electron.app.emit('child-process-gone', {}, { type: 'Utility', name: 'Strata trainer', reason: 'clean-exit', exitCode: 0 });
    expect(electron.called('crash')).toEqual([['Strata trainer']]);
  });
});

describe('what is opened from outside', () => {
  const link = 'strata-studio://run/novels-1a2b3c4d';

  test('a link waits until the page listens, at the first start as at the second and on macOS', async () => {
    const { electron } = await started({ commandLine: ['strata', '--home=/x', link] });
    electron.app.emit('second-instance', {}, ['strata', 'strata-studio://run/other-2'], '/');
    electron.app.emit('open-url', { preventDefault: () => undefined }, 'strata-studio://run/third-3');
    electron.app.emit('open-url', { preventDefault: () => undefined }, 'strata-studio://settings/x');
    expect(listen(electron)).toEqual([
      { type: 'run', run: 'novels-1a2b3c4d' },
      { type: 'run', run: 'other-2' },
      { type: 'run', run: 'third-3' },
    ]);
  });

  test('a pack is imported only when the person says so', async () => {
    const { electron } = await started();
    electron.dialogAnswers.showMessageBox = { response: 1, checkboxChecked: false };
    electron.app.emit('second-instance', {}, ['strata', 'novels.strata-pack'], '/downloads');
    await settle();
    electron.dialogAnswers.showMessageBox = { response: 0, checkboxChecked: false };
    electron.app.emit('second-instance', {}, ['strata', 'novels.strata-pack'], '/downloads');
    await settle();
    expect(listen(electron)).toEqual([{ type: 'import', kind: 'model', paths: ['/downloads/novels.strata-pack'] }]);
  });

  test('another workspace is opened by starting again; a page can name only one that was opened before', async () => {
    const { electron, closed, folder } = await started({ commandLine: ['strata', '--home=/old', link] });
    writeFileSync(join(folder, 'recent.json'), JSON.stringify(['/home/me/strata', folder]));
    const open = electron.handlers.get(CHANNELS.openWorkspace)!;
    expect(await open({ senderFrame: senderFrame() }, '/etc')).toBe(false);
    expect(await open({ senderFrame: senderFrame() }, folder)).toBe(true);
    expect(electron.called('app.relaunch')).toMatchObject([[{ args: [`--home=${folder}`] }]]);
    expect(closed).toEqual(['closed']);
  });
});

describe('settings', () => {
  test('are kept, change the zoom and the words of the menu, and what cannot be set is left out', async () => {
    const { electron, folder } = await started();
    const change = (value: unknown): unknown => electron.handlers.get(CHANNELS.changeSettings)!({ senderFrame: senderFrame() }, value);
    expect(change({ zoom: 2, language: 'de' })).toMatchObject({ zoom: 2, language: 'de', closing: 'ask' });
    await settle();
    expect(electron.windows[0]!.webContents.zoom).toBe(2);
    await expect.poll(() => electron.menu[0]!.label).toBe('Datei');
    electron.choose('Ansicht', 'Verkleinern');
    expect(electron.windows[0]!.webContents.zoom).toBe(1.75);
    for (const wrong of [{ zoom: 99 }, { telemetry: true }, { updates: { check: true, address: 'http://example.org' } }, null, 'x']) {
      expect(change(wrong)).toMatchObject({ zoom: 1.75, updates: { check: false, address: '' } });
    }
    expect(JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8'))).toMatchObject({ zoom: 1.75, language: 'de' });
  });

  test('a broken file is set aside, and the program goes on without it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-host-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'settings.json'), '{"zoom": 1.');
    const { electron } = await started({ electron: new ElectronStandIn({ paths: { userData: folder } }) });
    expect(await electron.handlers.get(CHANNELS.settings)!({ senderFrame: senderFrame() })).toMatchObject({ zoom: 1, notifications: true });
    expect(readFileSync(join(folder, 'settings.json.broken'), 'utf8')).toBe('{"zoom": 1.');
  });
});

test('every process is sandboxed, crash reports stay here, and what a page saves is asked for', async () => {
  const { electron } = await started();
  expect(electron.called('app.enableSandbox')).toHaveLength(1);
  expect(electron.called('crashReporter.start')).toEqual([[{ uploadToServer: false }]]);
  const download = (address: string): { isRefused: boolean; dialog: unknown } => {
    let isRefused = false;
    let dialog: unknown = null;
    const item = {
      getURLChain: () => [address],
      getFilename: () => '../../.bashrc',
      setSaveDialogOptions: (options: unknown) => (dialog = options),
    };
    electron.session.emit('will-download', { preventDefault: () => (isRefused = true) }, item);
    return { isRefused, dialog };
  };
  expect(download('https://example.org/x.exe')).toEqual({ isRefused: true, dialog: null });
  expect(download('blob:strata://app/1-2-3')).toMatchObject({ isRefused: false, dialog: { defaultPath: '/nowhere/downloads/bashrc' } });
});
