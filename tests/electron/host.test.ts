import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { os } from '@orpc/server';
import { describe, expect, test } from 'vitest';
import { CHANNELS } from '../../main/electron/channels.ts';
import { startHost } from '../../main/electron/host.ts';
import { ContentsStandIn, ElectronStandIn, type PortStandIn, senderFrame } from './electron-stand-in.ts';

const router = { echo: os.handler(({ input }) => ({ heard: input })) };

async function started(options: { fail?: Error; electron?: ElectronStandIn; platform?: NodeJS.Platform } = {}): Promise<{
  electron: ElectronStandIn;
  closed: string[];
  granted: string[];
}> {
  const electron = options.electron ?? new ElectronStandIn();
  const closed: string[] = [];
  const granted: string[] = [];
  await startHost(electron.parts, {
    rendererDirectory: '/nowhere/renderer',
    preloadPath: '/nowhere/preload.cjs',
    openStudio: () => {
      if (options.fail) throw options.fail;
      return {
        router,
        home: '/home/me/strata',
        grantPaths: (paths) => Promise.resolve(void granted.push(...paths)),
        close: () => Promise.resolve(void closed.push('closed')),
      };
    },
    log: () => undefined,
    platform: options.platform ?? 'linux',
  });
  return { electron, closed, granted };
}

describe('the window', () => {
  test('loads our scheme, isolated and sandboxed', async () => {
    const { electron } = await started();
    const [window] = electron.windows;
    expect(electron.windows).toHaveLength(1);
    expect(window!.loadedUrl).toBe('strata://app/');
    expect(electron.called('protocol.handle').map(([scheme]) => scheme)).toEqual(['strata']);
    expect(window!.options.webPreferences).toMatchObject({
      preload: '/nowhere/preload.cjs',
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      webSecurity: true,
      webviewTag: false,
    });
  });

  test('is shown once it can be seen, and brought to the front by a second start', async () => {
    const { electron } = await started();
    const window = electron.windows[0]!;
    expect(window.shown).toEqual([]);
    window.emit('ready-to-show');
    window.isMinimizedNow = true;
    electron.app.emit('second-instance');
    expect(window.shown).toEqual(['show', 'restore', 'focus']);
  });

  test('is loaded again when its process died', async () => {
    const { electron } = await started();
    electron.windows[0]!.webContents.emit('render-process-gone', {}, { reason: 'crashed' });
    expect(electron.windows[0]!.shown).toEqual(['reload']);
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
    linux.electron.app.emit('window-all-closed');
    expect(linux.electron.called('app.quit')).toHaveLength(1);

    const mac = await started({ platform: 'darwin' });
    mac.electron.windows[0]!.emit('closed');
    mac.electron.app.emit('window-all-closed');
    expect(mac.electron.called('app.quit')).toEqual([]);
    mac.electron.app.emit('activate');
    expect(mac.electron.windows).toHaveLength(2);
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
    await new Promise((resolve) => setImmediate(resolve));
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
    electron.pickedPaths = { canceled: false, filePaths: ['/home/me/secret'] };
    electron.ipcMain.emit(CHANNELS.connect, { senderFrame: frame });
    electron.ipcMain.emit(CHANNELS.progress, { senderFrame: frame }, 0.5);
    expect(frame?.received ?? []).toEqual([]);
    expect(await electron.handlers.get(CHANNELS.pickPaths)!({ senderFrame: frame }, 'files')).toEqual([]);
    expect(electron.called('dialog.showOpenDialog')).toEqual([]);
    await electron.handlers.get(CHANNELS.droppedPaths)!({ senderFrame: frame }, ['/home/me/secret']);
    expect(granted).toEqual([]);
    expect(electron.windows[0]!.progress).toEqual([]);
  });

  test('the page may name what was dropped on it, and nothing that is no path', async () => {
    const { electron, granted } = await started();
    const dropped = electron.handlers.get(CHANNELS.droppedPaths)!;
    await dropped({ senderFrame: senderFrame() }, ['/home/me/texts', 7, null]);
    await dropped({ senderFrame: senderFrame() }, '/etc');
    expect(granted).toEqual(['/home/me/texts']);
  });

  test('the dialog gives paths, which the page may name from then on, or none when it is cancelled', async () => {
    const { electron, granted } = await started();
    const pick = (wanted: string): unknown => electron.handlers.get(CHANNELS.pickPaths)!({ senderFrame: senderFrame() }, wanted);
    electron.pickedPaths = { canceled: false, filePaths: ['/a', '/b'] };
    expect(await pick('files')).toEqual(['/a', '/b']);
    electron.pickedPaths = { canceled: true, filePaths: [] };
    expect(await pick('folder')).toEqual([]);
    expect(granted).toEqual(['/a', '/b']);
    expect(electron.called('dialog.showOpenDialog')).toEqual([
      [{ properties: ['openFile', 'multiSelections'] }],
      [{ properties: ['openDirectory'] }],
    ]);
  });

  test('progress is on the taskbar and keeps the machine awake while it lasts', async () => {
    const { electron } = await started();
    for (const value of [0, 0.5, 2, null]) electron.ipcMain.emit(CHANNELS.progress, { senderFrame: senderFrame() }, value);
    expect(electron.windows[0]!.progress).toEqual([0, 0.5, -1, -1]);
    expect(electron.called('powerSaveBlocker.start')).toEqual([['prevent-app-suspension']]);
    expect(electron.called('powerSaveBlocker.stop')).toEqual([[7]]);
  });
});
