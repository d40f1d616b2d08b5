import type { Reader, Writer } from './open-store.ts';
import { changeOwner, findRun, type Ownership, type StoredRun, updateRun } from './runs.ts';

/** Runs that wait until the device is free, and who gets it. Every change is one transaction: several processes share a workspace. */

/** Runs that wait, the next one first: by priority, and among equals in their order. */
export function listQueued(reader: Reader): StoredRun[] {
  return reader
    .prepare<[], { id: string }>("SELECT id FROM runs WHERE status = 'queued' ORDER BY priority DESC, queuePlace, createdAt, id")
    .all()
    .flatMap(({ id }) => findRun(reader, id) ?? []);
}

/** Runs that train, or are about to. One, unless a process died, or an earlier version started several. */
export function listTraining(reader: Reader): StoredRun[] {
  return reader
    .prepare<[], { id: string }>("SELECT id FROM runs WHERE status IN ('preparing', 'running')")
    .all()
    .flatMap(({ id }) => findRun(reader, id) ?? []);
}

/**
 * Takes a run, and with it the device, for a process: if no run trains, and nobody changed this one in the meantime.
 * @returns whether it was taken.
 */
export function claimDevice(
  writer: Writer,
  run: Ownership & { id: string },
  owner: Pick<StoredRun, 'ownerPid' | 'ownerSign' | 'heartbeatAt'>,
): boolean {
  const claim = writer.transaction(() => listTraining(writer).length === 0 && changeOwner(writer, run, { ...owner, status: 'preparing' }));
  return claim.immediate();
}

/**
 * Puts a run behind those that wait, if nobody changed it in the meantime.
 * @returns whether it was.
 */
export function putIntoQueue(writer: Writer, run: Ownership & { id: string }): boolean {
  const put = writer.transaction(() => {
    if (!changeOwner(writer, run, { status: 'queued', ownerPid: null, heartbeatAt: run.heartbeatAt })) return false;
    updateRun(writer, run.id, { queuePlace: nextPlace(writer), error: null, activity: '', requested: null });
    return true;
  });
  return put.immediate();
}

/** A place behind every run that waits. */
export function nextPlace(reader: Reader): number {
  const { last } = reader.prepare<[], { last: number | null }>("SELECT max(queuePlace) AS last FROM runs WHERE status = 'queued'").get()!;
  return (last ?? 0) + 1;
}

/**
 * Moves a waiting run before another, or behind all with null; it gets the priority of those that it then stands among.
 * @returns whether both still waited.
 */
export function moveInQueue(writer: Writer, id: string, before: string | null): boolean {
  const move = writer.transaction(() => {
    const queued = listQueued(writer);
    const moved = queued.find((run) => run.id === id);
    const others = queued.filter((run) => run.id !== id);
    const place = before === null ? others.length : others.findIndex((run) => run.id === before);
    if (!moved || place < 0) return false;
    const neighbour = others[place] ?? others.at(-1);
    const order = [...others.slice(0, place), { ...moved, priority: neighbour?.priority ?? moved.priority }, ...others.slice(place)];
    for (const [index, { id: each, priority }] of order.entries()) updateRun(writer, each, { queuePlace: index + 1, priority });
    return true;
  });
  return move.immediate();
}
