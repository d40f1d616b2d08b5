import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { livesStill, signOf } from '../training/process-sign.ts';

/**
 * Folders that are being made are written down in the workspace, so that what a program that was killed has left half made is removed by
 * the next one that opens the workspace.
 */

/** Notes a folder that this process is making; returns what takes the note away. */
export function noteUnfinished(home: string, path: string): () => void {
  const notes = notesOf(home);
  mkdirSync(notes, { recursive: true });
  const note = join(notes, `${randomUUID()}.json`);
  writeFileSync(note, JSON.stringify({ path: resolve(path), process: signOf(process.pid) }));
  return () => rmSync(note, { force: true });
}

/** Removes a folder under its name and under the one it has until it is complete; says whether there was one. */
export function removeUnfinished(path: string): boolean {
  const present = [`${path}.partial`, path].filter((each) => existsSync(each));
  for (const each of present) rmSync(each, { recursive: true, force: true });
  return present.length > 0;
}

/**
 * Removes what programs that live no more have left half made.
 * @param isKnown whether the workspace's lists name a folder: then it was finished, and only its note was left.
 */
export function sweepUnfinished(home: string, isKnown: (path: string) => boolean, log: (message: string) => void): void {
  const notes = notesOf(home);
  for (const name of namesIn(notes)) {
    const note = readNote(join(notes, name));
    if (note && livesStill(note.process)) continue;
    if (note && isOurs(home, note.path) && !isKnown(note.path) && removeUnfinished(note.path)) {
      log(`Removed ${note.path}, which a program that was ended had begun.`);
    }
    rmSync(join(notes, name), { force: true });
  }
}

/** A note may name what lies in the workspace or has the name of something unfinished; nothing else is removed, whatever it says. */
function isOurs(home: string, path: string): boolean {
  const isInWorkspace = ['models', 'datasets'].some((kind) => dirname(path) === resolve(home, kind));
  return isInWorkspace || path.endsWith('.partial');
}

function notesOf(home: string): string {
  return join(home, 'unfinished');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing was ever made here
  }
}

/** Null for one that was not written to its end. */
function readNote(path: string): { path: string; process: string } | null {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as { path?: unknown; process?: unknown } | null;
    return typeof note?.path === 'string' && typeof note.process === 'string' ? { path: note.path, process: note.process } : null;
  } catch {
    return null;
  }
}
