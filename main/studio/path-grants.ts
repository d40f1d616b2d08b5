import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { UserPathMeaning } from '../../shared/contract/user-path.ts';
import { StrataError } from '../../shared/errors.ts';

type Access = UserPathMeaning['access'];

export interface PathGrantsOptions {
  /** Folders in which a person may type paths by hand. None unless said. */
  typed?: readonly string[];
  /** How the user chooses what is refused, for this host. */
  hint?: string;
}

/**
 * What pages may name: the files and folders that the user has chosen, what lies in those folders, and the workspace's folder of exports. The
 * host of the pages says what was chosen (a dialog, a drop, an upload), never a page. Paths are compared as they really are, so a link does not
 * lead out of a folder. The command line is the user and needs no grants.
 */
export class PathGrants {
  readonly #exports: string;
  readonly #typed: readonly string[];
  readonly #hint: string;
  /** Real paths, and what may be done there. */
  readonly #granted = new Map<string, Access>();

  constructor(home: string, { typed = [], hint = 'Drop it on the window, or choose it there.' }: PathGrantsOptions = {}) {
    this.#exports = join(resolve(home), 'exports');
    this.#typed = typed.map((folder) => resolve(folder));
    this.#hint = hint;
  }

  /** What a page tells its user. */
  get shown(): { typed: string[]; exports: string } {
    return { typed: [...this.#typed], exports: this.#exports };
  }

  /** Lets pages name what the user has chosen, and what lies in it. A path at which there is nothing is none that was chosen. */
  async grant(paths: readonly string[], access: Access = 'write'): Promise<void> {
    for (const path of paths) {
      const real = await realpath(path).catch(() => null);
      if (real !== null && this.#granted.get(real) !== 'write') this.#granted.set(real, access);
    }
  }

  /** Lets pages write where the user has said that something new is to be. */
  async grantNew(path: string): Promise<void> {
    const real = await realPlace(resolve(path));
    if (real !== null) this.#granted.set(real, 'write');
  }

  /**
   * Refuses what the user has not chosen; whether there is anything at such a path is not told.
   * @throws StrataError BAD_INPUT.
   */
  async check(path: string, access: Access): Promise<void> {
    const whole = path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path;
    // Otherwise it would mean another place to who opens it: relative to a folder of ours, or above a link.
    if (whole !== resolve(whole) || path.includes('\0')) {
      throw new StrataError('BAD_INPUT', 'That is no whole path.', {
        found: path,
        allowed: 'a path from the root of the disk, without "." and ".."',
        hint: this.#hint,
      });
    }
    const real = await realPlace(whole);
    if (real !== null && ((await this.#isIn(real, [this.#exports, ...this.#typed])) || this.#isChosen(real, access))) return;
    throw new StrataError('BAD_INPUT', 'You have not chosen that file or folder.', {
      found: path,
      allowed: [
        'what was dropped or picked, and what lies in such a folder',
        ...[this.#exports, ...this.#typed].map((folder) => `what lies in ${folder}`),
      ].join('; '),
      hint: this.#hint,
    });
  }

  async #isIn(real: string, folders: readonly string[]): Promise<boolean> {
    for (const folder of folders) {
      const root = await realPlace(folder);
      if (root !== null && (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep))) return true;
    }
    return false;
  }

  /** It, or a folder that it lies in, was chosen for that. */
  #isChosen(real: string, access: Access): boolean {
    for (let each = real; ; each = dirname(each)) {
      const granted = this.#granted.get(each);
      if (granted === 'write' || (granted !== undefined && granted === access)) return true;
      if (each === dirname(each)) return false;
    }
  }
}

/** Where a path really leads, links followed, as far as it exists; null for one that leads nowhere or cannot be followed. */
async function realPlace(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) return null;
    // A link to nothing would be written through.
    if (await lstat(path).catch(() => null)) return null;
    const parent = await realPlace(dirname(path));
    return parent === null ? null : join(parent, basename(path));
  }
}
