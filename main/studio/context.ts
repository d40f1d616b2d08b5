import { randomBytes } from 'node:crypto';
import { basename, join, sep } from 'node:path';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';
import type { Writer } from '../store/open-store.ts';
import type { Executor } from '../training/executor.ts';
import { noteUnfinished, removeUnfinished } from './unfinished.ts';

/** What every use case works with; made once, in studio.ts. */
export interface StudioContext {
  /** The workspace's folder. */
  home: string;
  /** The embedded base and samples. */
  resources: string;
  version: string;
  store: Writer;
  executor: Executor;
  /** Folders of models and datasets that are being made: see {@link makeFolder}. */
  unfinished: Set<string>;
  /** For what the user may want to know later but no call can return. */
  log: (message: string) => void;
}

/** Where files came from, for the user: what a browser sent lies in a temporary place whose name says nothing. */
export function describeSource(context: StudioContext, paths: readonly string[]): string {
  const uploads = join(context.home, 'uploads') + sep;
  return paths.map((path) => (path.startsWith(uploads) ? `${basename(path)} (sent from a browser)` : path)).join(', ');
}

/** What a browser sent, in the words of whoever sent it: as it was named there, without the temporary place of its drop. */
export function namedAsSent(record: ErrorRecord, home: string): ErrorRecord {
  const place = new RegExp(String.raw`${RegExp.escape(join(home, 'uploads') + sep)}[^/\\]+[/\\][^/\\]+[/\\]`, 'g');
  const named = Object.entries(record).map(([key, text]) => [key, typeof text === 'string' ? text.replaceAll(place, '') : text]);
  return Object.fromEntries(named) as ErrorRecord;
}

/** Folders of a workspace. */
export function folderOf(context: StudioContext, kind: 'models' | 'datasets' | 'runs', id: string): string {
  return join(context.home, kind, id);
}

/**
 * Does work that makes a folder and registers it. Unless both are done nothing is left of it: neither when the work fails, nor
 * when the studio has to end in the middle (see Studio.abandon), nor, once the workspace is opened again, when it is killed.
 */
export async function makeFolder<Result>(context: StudioContext, path: string, work: () => Promise<Result>): Promise<Result> {
  context.unfinished.add(path);
  const forget = noteUnfinished(context.home, path);
  try {
    return await work();
  } catch (error) {
    removeUnfinished(path);
    throw error;
  } finally {
    context.unfinished.delete(path);
    forget();
  }
}

/** A short readable id: the name's letters and digits, and eight random ones, which keep the ids of a thousand runs of one name apart. */
export function newId(name: string): string {
  const slug = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);
  return `${slug || 'item'}-${randomBytes(4).toString('hex')}`;
}

/** A name that nothing has yet: the wanted one, or with the first free number after it. */
export function uniqueName(wanted: string, taken: readonly { name: string }[]): string {
  const names = new Set(taken.map(({ name }) => name));
  let name = wanted;
  for (let number = 2; names.has(name); number++) name = `${wanted} ${number}`;
  return name;
}

/**
 * The one item that an id or a name means.
 * @param binned those of the kind that were deleted and can be brought back: who asks for one is told so.
 * @throws StrataError NOT_FOUND, with what there is; BAD_INPUT when several have the name.
 */
export function resolve<Item extends { id: string; name: string }>(
  kind: string,
  reference: string,
  items: readonly Item[],
  binned: readonly { id: string; name: string }[] = [],
): Item {
  const byId = items.find(({ id }) => id === reference);
  if (byId) return byId;
  const named = items.filter(({ name }) => name === reference);
  if (named.length === 1) return named[0]!;
  if (named.length > 1) {
    throw new StrataError('BAD_INPUT', `Several ${kind}s are called "${reference}".`, {
      found: named.map(({ id }) => id).join(', '),
      hint: 'Use the id instead of the name.',
      allowed: 'an id, or a name that only one has',
    });
  }
  const isInBin = binned.some(({ id, name }) => id === reference || name === reference);
  throw new StrataError('NOT_FOUND', `There is no ${kind} "${reference}"${isInBin ? ': it was deleted and lies in the bin' : ''}.`, {
    found: reference,
    allowed:
      items.length > 0
        ? items
            .map(({ id, name }) => (id === name ? id : `${id} (${name})`))
            .slice(0, 20)
            .join(', ')
        : `none: there are no ${kind}s yet`,
    hint: isInBin ? `"${commandOf(kind)} restore ${reference}" brings it back.` : `${commandOf(kind)} list shows them.`,
  });
}

/** The command that is about items of a kind. */
export function commandOf(kind: string): string {
  return `strata ${kind === 'dataset' ? 'data' : kind}`;
}

export function now(): string {
  return new Date().toISOString();
}
