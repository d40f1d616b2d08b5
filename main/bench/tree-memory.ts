import { readdirSync, readFileSync } from 'node:fs';

const INTERVAL_MS = 50;

/**
 * Watches how much memory a process and its descendants hold at most. What several of them share is counted once: a sum of resident sets would count
 * the pages of a forked process twice (proportional set size, Linux only).
 * @returns what ends it and tells the largest figure seen, in bytes; null where the system does not tell.
 */
export function watchTreeMemory(root: number): () => number | null {
  let peak: number | null = null;
  const look = (): void => {
    const bytes = descendantsOf(root).reduce((sum, process) => sum + proportionalSet(process), 0);
    if (bytes > 0) peak = Math.max(peak ?? 0, bytes);
  };
  const timer = setInterval(look, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/** A process and all that it and its children have started, by Linux' table of processes; none elsewhere. */
function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of filesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The name in parentheses may hold blanks: the fields that follow are counted from its end.
    const parent = /^.*\) \S (\d+)/.exec(textOf(`/proc/${name}/stat`))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isWithin = (process: number): boolean => {
    let each: number | undefined = process;
    while (each !== undefined && each !== root) each = parents.get(each);
    return each === root;
  };
  return [...parents.keys()].filter(isWithin);
}

function proportionalSet(process: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${process}/smaps_rollup`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not Linux
  }
}

/** Empty for a process that has ended since. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
