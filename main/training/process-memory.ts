import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Bytes that a process may use: the machine's, or less where a container sets a limit. */
export function availableMemory(): number {
  const limit = process.constrainedMemory(); // 0 where it is not known
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Largest resident set of this process, bytes. Linux' own figure where there is one: the one of resourceUsage begins with the size of the
 * process that started this one.
 */
export function peakMemory(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(processStatus())?.[1];
  return (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes)) * 1024;
}

/** Resident set of this process now, bytes. */
export function residentMemory(): number {
  return process.memoryUsage.rss();
}

function processStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return ''; // not Linux
  }
}
