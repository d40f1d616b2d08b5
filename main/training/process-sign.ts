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
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5): field 22; fields are counted after the name, which may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null; // there is no such process, or no such file system
  }
}

/** Whether the process that left the sign still lives. */
export function livesStill(sign: string): boolean {
  const pid = Number(sign.split(' ')[0]);
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) && (!sign.includes(' ') || sign === signOf(pid));
}

/** Whether there is a process of that id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it lives, but is somebody else's
  }
}
