import type * as Electron from 'electron';
import type { UpdateReport } from '../../shared/contract/host-settings.ts';
import { CHANNELS } from './channels.ts';
import type { Dialogs } from './dialogs.ts';
import type { RecentWorkspaces } from './recent-workspaces.ts';
import { isTrustedSender } from './security.ts';
import type { SettingsStore } from './settings-store.ts';

/** What the page may ask of the host, beside the contract. Everything in it comes from a page and is looked at before it is used. */
export interface PageAnswers {
  dialogs: Dialogs;
  grantPaths(paths: readonly string[]): Promise<void>;
  settings: SettingsStore;
  recent: RecentWorkspaces;
  connect(frame: Electron.WebFrameMain): void;
  listen(page: Electron.WebContents): void;
  showProgress(fraction: unknown): void;
  notify(notice: { title: string; body: string }): void;
  /** Null asks which; a folder is one of the recent ones. */
  openWorkspace(folder: string | null): Promise<boolean>;
  showLogs(): void;
  checkForUpdate(): Promise<UpdateReport>;
}

const MOST_CHARACTERS = { title: 200, body: 1000 } as const;

/** Answers the preload's messages, each only for the top frame of our own page. */
export function answerPages(ipcMain: Pick<Electron.IpcMain, 'on' | 'handle'>, answers: PageAnswers): void {
  const hear = (channel: string, listener: (event: Electron.IpcMainEvent, value: unknown) => void): void => {
    ipcMain.on(channel, (event, value: unknown) => {
      if (isTrustedSender(event.senderFrame)) listener(event, value);
    });
  };
  const answer = <Answer>(channel: string, refused: Answer, listener: (value: unknown) => Answer | Promise<Answer>): void => {
    ipcMain.handle(channel, (event, value: unknown) => (isTrustedSender(event.senderFrame) ? listener(value) : refused));
  };
  hear(CHANNELS.connect, ({ senderFrame }) => answers.connect(senderFrame!));
  hear(CHANNELS.listen, ({ sender }) => answers.listen(sender));
  hear(CHANNELS.progress, (_event, fraction) => answers.showProgress(fraction));
  hear(CHANNELS.notify, (_event, notice) => {
    const { title, body } = (notice ?? {}) as Record<string, unknown>;
    if (typeof title !== 'string' || typeof body !== 'string') return;
    answers.notify({ title: title.slice(0, MOST_CHARACTERS.title), body: body.slice(0, MOST_CHARACTERS.body) });
  });
  hear(CHANNELS.showLogs, () => answers.showLogs());
  answer<string[]>(CHANNELS.pickPaths, [], (wanted) => answers.dialogs.pick(wanted === 'folder' ? 'folder' : 'files'));
  answer<void>(CHANNELS.droppedPaths, undefined, async (paths) => {
    if (Array.isArray(paths)) await answers.grantPaths(paths.filter((path) => typeof path === 'string'));
  });
  answer<string | null>(CHANNELS.pickSavePath, null, (name) => answers.dialogs.pickSave(typeof name === 'string' ? name : ''));
  answer<string[]>(CHANNELS.recentWorkspaces, [], () => answers.recent.list());
  answer(CHANNELS.openWorkspace, false, (folder) => {
    if (folder === null) return answers.openWorkspace(null);
    const known = answers.recent.list().find((each) => each === folder);
    return known === undefined ? false : answers.openWorkspace(known);
  });
  answer(CHANNELS.settings, null, () => answers.settings.get());
  answer(CHANNELS.changeSettings, null, (change) => answers.settings.change(change));
  answer(CHANNELS.checkForUpdate, null, () => answers.checkForUpdate());
}
