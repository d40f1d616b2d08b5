import { os } from '@orpc/server';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startHost } from '../../main/electron/host.ts';
import { createHostCapabilities } from '../../main/electron/preload-api.ts';
import { PathGrants } from '../../main/studio/path-grants.ts';
import type { ActivityEvent } from '../../main/studio/activity.ts';
import { ElectronStandIn } from '../electron/harness/electron-stand-in.ts';
import { senderFrame } from '../electron/harness/stand-in-objects.ts';

/** The desktop's host under the stand-in for Electron, with what somebody who attacks it would be after. */

export const SECRET = 'd3c0y-s3cr3t-that-nobody-chose';

/** Folders of one person: what is chosen in dialogs, and what nobody chooses. */
export interface Surroundings {
  root: string;
  settings: string;
  logs: string;
  downloads: string;
  pages: string;
  home: string;
  /** A workspace that was opened before. */
  recent: string;
  chosen: string[];
  /** Never chosen. */
  secret: string;
  remove(): void;
}

export function makeSurroundings(): Surroundings {
  const root = mkdtempSync(join(tmpdir(), 'strata-host-fuzz-'));
  const folder = (name: string): string => (mkdirSync(join(root, name)), join(root, name));
  const file = (path: string, text: string): string => (writeFileSync(path, text), path);
  const [pages, outside] = [folder('pages'), folder('outside')];
  file(join(pages, 'index.html'), '<!doctype html><title>Strata</title>');
  file(join(root, 'pages.html'), SECRET); // its path begins as that of the folder does
  return {
    root,
    pages,
    settings: folder('settings'),
    logs: folder('logs'),
    downloads: folder('downloads'),
    home: folder('home'),
    recent: folder('recent'),
    chosen: ['a.txt', 'b.strata-pack'].map((name) => file(join(outside, name), name)),
    secret: file(join(outside, 'secret.json'), SECRET),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** One start of the program. */
export interface HostUnderFire {
  electron: ElectronStandIn;
  grants: PathGrants;
  /** Paths that the page may name since somebody chose them. */
  granted: Set<string>;
  /** Addresses that were asked for a newer version. */
  fetched: string[];
  /** A message of a renderer, as it arrives after it was copied between processes; undefined where that cannot be. */
  invoke(channel: string, frame: unknown, ...values: unknown[]): Promise<unknown>;
  send(channel: string, frame: unknown, ...values: unknown[]): void;
  /** What a page has. Only files that a person dropped have a path. */
  page: ReturnType<typeof createHostCapabilities>;
  /** It was started again, or asked to end. */
  hasEnded(): boolean;
  end(): void;
}

export async function startHostUnderFire(
  where: Surroundings,
  { commandLine, answer }: { commandLine: string[]; answer: () => Response },
): Promise<HostUnderFire> {
  const electron = new ElectronStandIn({ paths: { userData: where.settings, logs: where.logs, downloads: where.downloads } });
  const grants = new PathGrants(where.home);
  const granted = new Set<string>();
  const fetched: string[] = [];
  await startHost(electron.parts, {
    rendererDirectory: where.pages,
    preloadPath: '/nowhere/preload.cjs',
    iconPath: '/nowhere/tray.png',
    openStudio: () => ({
      router: { echo: os.handler(({ input }) => ({ heard: input })) },
      home: where.home,
      activities: {
        now: () => ({ training: null, waiting: 0 }),
        follow: async function* (signal: AbortSignal): AsyncGenerator<ActivityEvent> {
          yield { kind: 'now', activity: { training: null, waiting: 0 } };
          await delay(60_000, undefined, { signal, ref: false }).catch(() => undefined); // ended: so does this
        },
      },
      grantPaths: async (paths) => {
        for (const path of paths) granted.add(path);
        await grants.grant(paths);
      },
      grantNew: async (path) => {
        granted.add(path);
        await grants.grantNew(path);
      },
      close: () => Promise.resolve(),
    }),
    log: () => undefined,
    crashes: { write: () => '/nowhere/report' },
    platform: 'linux',
    commandLine,
    fetch: (address) => {
      fetched.push(String(address));
      return Promise.resolve(answer());
    },
  });
  const copied = (values: unknown[]): unknown[] => structuredClone(values);
  const sender = electron.windows[0]!.webContents;
  const invoke: HostUnderFire['invoke'] = async (channel, frame, ...values) =>
    structuredClone(await electron.handlers.get(channel)?.({ senderFrame: frame, sender }, ...copied(values)));
  const send: HostUnderFire['send'] = (channel, frame, ...values) =>
    void electron.ipcMain.emit(channel, { senderFrame: frame, sender }, ...copied(values));
  const page = createHostCapabilities<unknown>({
    send: (channel, ...values) => send(channel, senderFrame(), ...values),
    invoke: (channel, ...values) => invoke(channel, senderFrame(), ...values),
    onPorts: () => undefined,
    onValue: () => undefined,
    pathForFile: (file) => {
      if (!(file instanceof File)) throw new TypeError('not a File'); // as webUtils does
      return where.chosen.find((path) => path.endsWith(`/${file.name}`)) ?? '';
    },
    postToPage: () => undefined,
  });
  return {
    ...{ electron, grants, granted, fetched, invoke, send, page },
    hasEnded: () => electron.called('app.exit').length > 0,
    end: () => void electron.powerMonitor.emit('shutdown', { preventDefault: () => undefined }),
  };
}
