import type { MenuItemConstructorOptions } from 'electron';
import { type HostCommand, MENU_PAGES, type MenuPage } from '../../shared/contract/host.ts';
import type { Words } from '../../shared/words/words.ts';

/** What the menu does; each is one thing that a person can ask for. */
export interface MenuActions {
  command(command: HostCommand): void;
  goTo(page: MenuPage): void;
  importData(): void;
  importModel(): void;
  /** Null asks which. */
  openWorkspace(folder: string | null): void;
  openWorkspaceFolder(): void;
  showLogs(): void;
  /** Null goes back to the pages' own size. */
  zoom(direction: 'in' | 'out' | null): void;
}

export interface MenuState {
  platform: NodeJS.Platform;
  say: Words;
  /** The newest first; the open one is the first. */
  recentWorkspaces: readonly string[];
}

/** The application menu: our own commands with their keys, and roles that the platform knows, so that its words are the platform's own. */
export function menuTemplate({ platform, say, recentWorkspaces }: MenuState, actions: MenuActions): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const settings: MenuItemConstructorOptions = {
    label: say('desktop.settings'),
    accelerator: 'CmdOrCtrl+,',
    click: () => actions.command('settings'),
  };
  return [
    ...(isMac ? [appMenu(settings)] : []),
    {
      label: say('desktop.file'),
      submenu: [
        { label: say('desktop.newRun'), accelerator: 'CmdOrCtrl+N', click: () => actions.command('new-run') },
        { label: say('desktop.importData'), accelerator: 'CmdOrCtrl+O', click: () => actions.importData() },
        { label: say('desktop.importModel'), accelerator: 'CmdOrCtrl+Shift+O', click: () => actions.importModel() },
        { type: 'separator' },
        { label: say('desktop.openWorkspace'), click: () => actions.openWorkspace(null) },
        recentMenu(say('desktop.openRecent'), recentWorkspaces.slice(1), actions),
        { label: say('desktop.showWorkspace'), click: () => actions.openWorkspaceFolder() },
        { type: 'separator' },
        ...(isMac ? [{ role: 'close' as const }] : [settings, { type: 'separator' as const }, { role: 'quit' as const }]),
      ],
    },
    { role: 'editMenu' },
    {
      label: say('desktop.go'),
      submenu: [
        ...MENU_PAGES.map((page, index) => ({
          label: say(`shell.${page}`),
          accelerator: `CmdOrCtrl+${index + 1}`,
          click: () => actions.goTo(page),
        })),
        { type: 'separator' },
        { label: say('desktop.commands'), accelerator: 'CmdOrCtrl+K', click: () => actions.command('palette') },
      ],
    },
    {
      label: say('desktop.view'),
      submenu: [
        { label: say('desktop.actualSize'), accelerator: 'CmdOrCtrl+0', click: () => actions.zoom(null) },
        { label: say('desktop.zoomIn'), accelerator: 'CmdOrCtrl+Plus', click: () => actions.zoom('in') },
        { label: say('desktop.zoomOut'), accelerator: 'CmdOrCtrl+-', click: () => actions.zoom('out') },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        { type: 'separator' },
        { role: 'reload' },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: say('desktop.showLogs'), click: () => actions.showLogs() }] },
  ];
}

/** macOS has the program's own menu in front; Settings belongs there. */
function appMenu(settings: MenuItemConstructorOptions): MenuItemConstructorOptions {
  return {
    role: 'appMenu',
    submenu: [
      { role: 'about' },
      { type: 'separator' },
      settings,
      { type: 'separator' },
      { role: 'services' },
      { type: 'separator' },
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      { type: 'separator' },
      { role: 'quit' },
    ],
  };
}

function recentMenu(label: string, others: readonly string[], actions: MenuActions): MenuItemConstructorOptions {
  return {
    label,
    enabled: others.length > 0,
    submenu: others.map((folder) => ({ label: folder, click: () => actions.openWorkspace(folder) })),
  };
}
