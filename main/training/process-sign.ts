import { readFileSync } from 'node:fs';

/**
 * A process in a way that no later one shares: its id and, where the system tells it (Linux), when it was started. Ids are given again:
 * after a restart of a container, the next trainer or its studio easily has that of the last.
 */
export function signOf(pid: number): string {
  const started = startOf(pid);
  return started === null ? String(pid) : `${pid} ${started}`;
}

function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null; // field 22 of proc_pid_stat(5)
}

/** The fields of a process from its state (field 3) on; null where there is no such process, or the system has no such file. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields are counted after the name, which may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Whether the process that left the sign still lives. */
export function livesStill(sign: string): boolean {
  const pid = Number(sign.split(' ')[0]);
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) && (!sign.includes(' ') || sign === signOf(pid));
}

/**
 * Whether there is a process of that id that can still do anything. One that was killed keeps its id until its parent asks what became of it,
 * which a parent in a container may never do.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false; // otherwise it lives, but is somebody else's
  }
  return !DEAD_STATES.has(statOf(pid)?.[0] ?? '');
}

/** Zombie and dead, as proc_pid_stat(5) calls them. */
const DEAD_STATES: ReadonlySet<string> = new Set(['Z', 'X', 'x']);
