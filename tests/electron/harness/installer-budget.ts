import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Target, TARGETS } from './package-files.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Megabytes of 10^6 bytes; see packaging/installers.json. */
export interface InstallerBudget {
  installers: string[];
  whole: number;
  packed: number;
  installer: number;
}

export interface Budgets {
  electron: number;
  platforms: Record<Target, InstallerBudget>;
}

export async function readBudgets(): Promise<Budgets> {
  return JSON.parse(await readFile(join(root, 'packaging/installers.json'), 'utf8')) as Budgets;
}

/** The platform of an installer by the name that electron-builder gives it; null for any other file. */
export function platformOf(name: string): Target | null {
  const system = /\.(AppImage|deb)$/.test(name)
    ? 'linux'
    : /\.dmg$|-mac\.zip$/.test(name)
      ? 'darwin'
      : /\.exe$/.test(name)
        ? 'win32'
        : null;
  return TARGETS.find((target) => target === `${system}-${name.includes('arm64') ? 'arm64' : 'x64'}`) ?? null;
}

/** The installers in a folder, each with what it may take. */
export async function installersIn(folder: string): Promise<{ name: string; megabytes: number; allowed: number }[]> {
  const { platforms } = await readBudgets();
  const found = [];
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    const platform = platformOf(name);
    if (platform) found.push({ name, megabytes: (await stat(join(folder, name))).size / 1e6, allowed: platforms[platform].installer });
  }
  return found;
}
