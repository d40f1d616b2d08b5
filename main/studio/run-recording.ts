import { insertRun, listRunNames, type StoredRun } from '../store/runs.ts';
import { nextPlace } from '../store/run-queue.ts';
import { folderOf, newId, now, type StudioContext, uniqueName } from './context.ts';
import type { Models } from './models.ts';
import type { PreparedJob } from './run-job.ts';
import type { ParsedTrainRequest, ResolvedRequest } from './train-request.ts';

/** A run as it is recorded, whose configuration no longer changes. */
export interface FrozenRun extends Pick<StoredRun, 'trainableParameters' | 'trainableTensors' | 'addedParameters'> {
  name: string;
  /** What its id is made from. */
  slug: string;
  warnings: readonly string[];
  job: PreparedJob;
}

/**
 * What a request becomes: checked, and frozen from here on. Nothing is recorded yet.
 * @throws StrataError CONFLICT or CORRUPT when the base's files are not what they should be.
 */
export async function freezeRun(request: ParsedTrainRequest, resolved: ResolvedRequest, models: Models): Promise<FrozenRun> {
  const { configuration, preview, shards, past, base } = resolved;
  await models.checkUnchanged(base);
  await models.checkPlan(base);
  const learned = configuration.datasets
    .filter(({ role }) => role === 'new')
    .map(({ name }) => name)
    .join(', ');
  return {
    name: request.name ?? `${base.name} learns ${learned}`,
    slug: request.name ?? learned,
    warnings: preview.warnings,
    trainableParameters: preview.trainableParameters,
    trainableTensors: preview.trainableTensors,
    addedParameters: preview.addedParameters,
    job: { configuration, baseModelDirectory: base.path, shards, past },
  };
}

/** A run that repeats another one exactly. @param job of the other, checked to be the same as it was. */
export function frozenAgain(original: StoredRun, job: PreparedJob, warnings: readonly string[]): FrozenRun {
  const { name, trainableParameters, trainableTensors, addedParameters } = original;
  return { name: `${name} again`, slug: name, warnings, trainableParameters, trainableTensors, addedParameters, job };
}

/** Writes a run down as the last in the queue. @returns its id. */
export function recordRun(
  context: StudioContext,
  { name, slug, warnings, job, ...counts }: FrozenRun,
  fields: { priority: number; batch?: string; rerunOf?: string },
): string {
  const { store } = context;
  const id = newId(slug);
  insertRun(store, {
    id,
    name: uniqueName(name, listRunNames(store)),
    status: 'queued',
    configuration: job.configuration,
    directory: folderOf(context, 'runs', id),
    createdAt: now(),
    ownerPid: null,
    heartbeatAt: null,
    queuePlace: nextPlace(store),
    warnings: warnings.map((text) => ({ at: now(), text })),
    ...counts,
    ...fields,
  });
  return id;
}
