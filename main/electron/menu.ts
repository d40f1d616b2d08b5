import type { MenuItemConstructorOptions } from 'electron';
import { type HostCommand, MENU_PAGES, type MenuPage } from '../../shared/contract/host.ts';

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
  /** The newest first; the open one is the first. */
  recentWorkspaces: readonly string[];
}

const PAGE_LABELS: Readonly<Record<MenuPage, string>> = {
  home: 'Home',
  datasets: 'Datasets',
  models: 'Models',
  train: 'Train',
  runs: 'Runs',
  compare: 'Compare',
  suites: 'Suites',
  playground: 'Playground',
};

/** The application menu: our own commands with their keys, and roles that the platform knows, so that its words are the platform's own. */
export function menuTemplate({ platform, recentWorkspaces }: MenuState, actions: MenuActions): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const settings: MenuItemConstructorOptions = {
    label: 'Settings…',
    accelerator: 'CmdOrCtrl+,',
    click: () => actions.command('settings'),
  };
  return [
    ...(isMac ? [appMenu(settings)] : []),
    {
      label: 'File',
      submenu: [
        { label: 'New Run', accelerator: 'CmdOrCtrl+N', click: () => actions.command('new-run') },
        { label: 'Import Data…', accelerator: 'CmdOrCtrl+O', click: () => actions.importData() },
        { label: 'Import Model or Pack…', accelerator: 'CmdOrCtrl+Shift+O', click: () => actions.importModel() },
        { type: 'separator' },
        { label: 'Open Workspace…', click: () => actions.openWorkspace(null) },
        recentMenu(recentWorkspaces.slice(1), actions),
        { label: 'Show Workspace Folder', click: () => actions.openWorkspaceFolder() },
        { type: 'separator' },
        ...(isMac ? [{ role: 'close' as const }] : [settings, { type: 'separator' as const }, { role: 'quit' as const }]),
      ],
    },
    { role: 'editMenu' },
    {
      label: 'Go',
      submenu: [
        ...MENU_PAGES.map((page, index) => ({
          label: PAGE_LABELS[page],
          accelerator: `CmdOrCtrl+${index + 1}`,
          click: () => actions.goTo(page),
        })),
        { type: 'separator' },
        { label: 'Commands…', accelerator: 'CmdOrCtrl+K', click: () => actions.command('palette') },
      ],
    },
    {
      label: 'View',
      submenu: [
        { label: 'Actual Size', accelerator: 'CmdOrCtrl+0', click: () => actions.zoom(null) },
        { label: 'Zoom In', accelerator: 'CmdOrCtrl+Plus', click: () => actions.zoom('in') },
        { label: 'Zoom Out', accelerator: 'CmdOrCtrl+-', click: () => actions.zoom('out') },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        { type: 'separator' },
        { role: 'reload' },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: 'Show Logs and Crash Reports', click: () => actions.showLogs() }] },
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

function recentMenu(others: readonly string[], actions: MenuActions): MenuItemConstructorOptions {
  return {
    label: 'Open Recent Workspace',
    enabled: others.length > 0,
    submenu: others.map((folder) => ({ label: folder, click: () => actions.openWorkspace(folder) })),
  };
}
