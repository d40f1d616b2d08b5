import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The workspace that every host opens when none is named: STRATA_HOME, else a folder of ours in the operating system's folder for application
 * data. A host that is given `--home` uses that instead.
 */
export function defaultHome(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (environment.STRATA_HOME) return resolve(environment.STRATA_HOME);
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Strata');
  if (platform === 'win32') return join(environment.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Strata');
  return join(environment.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'strata');
}
