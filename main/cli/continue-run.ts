import type { TrainRequest } from '../../shared/contract/training.ts';
import { methodRequestShape } from '../../shared/domain/method.ts';
import type { Datasets } from '../studio/datasets.ts';
import { refuse, type Session } from './session.ts';

/** What `strata train --continue RUN` takes over from a run. */

/** The options that say so. */
export interface ContinueOptions {
  model?: string;
  continue?: string;
  keepSample?: number;
}

/**
 * The request that a run carries over, said with its reasons; null where none is continued. With a size, samples of what it learned are made and take
 * the place of the whole.
 */
export async function carriedOver(
  session: Session,
  { model, continue: run, keepSample }: ContinueOptions,
): Promise<Partial<TrainRequest> | null> {
  if ((run === undefined) === (model === undefined)) {
    const found = run === undefined ? 'neither --model nor --continue' : '--model and --continue';
    throw refuse('A run begins from a model, or goes on from another run.', found, 'one of the two', 'Name a model with --model.');
  }
  if (run === undefined && keepSample !== undefined) {
    const hint = 'Make one with "data sample", and name it with --old.';
    throw refuse('A sample is kept of what another run learned.', '--keep-sample without --continue', 'both together', hint);
  }
  if (run === undefined) return null;
  const next = await session.studio.nextDomains.after({ run });
  for (const reason of next.reasons) session.say(reason);
  for (const { name, reason } of next.missing) session.say(`Not carried over: "${name}", for ${reason}.`);
  const { newDatasets: _, ...carried } = next.request;
  if (keepSample === undefined) return carried;
  const learned = session.studio.runs.show(run).configuration.datasets.filter(({ role }) => role === 'new');
  const oldDatasets = [...(carried.oldDatasets ?? [])];
  for (const [index, id] of oldDatasets.entries()) {
    if (!learned.some((dataset) => dataset.id === id)) continue;
    const sample = await session.studio.datasetSamples.make({ dataset: id, tokens: keepSample, model: next.request.model, seed: 1 });
    session.say(`A sample is kept for replay: "${sample.name}", ${sample.documents} documents.`);
    oldDatasets[index] = sample.id;
  }
  return { ...carried, oldDatasets };
}

/** What is carried over, and what was asked for instead or besides. A dataset that is learned anew is not old. */
export function continued(
  carried: Partial<TrainRequest>,
  asked: Record<string, unknown>,
  datasets: Pick<Datasets, 'find'>,
): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const isOtherMethod = Object.keys(methodRequestShape).some((name) => name in given);
  const kept = Object.entries(carried).filter(([name]) => !(isOtherMethod && name in methodRequestShape));
  const idOf = (reference: string): string => datasets.find(reference).id;
  const learned = new Set(((given.newDatasets ?? []) as string[]).map(idOf));
  const old = [...(carried.oldDatasets ?? []), ...((given.oldDatasets ?? []) as string[]).map(idOf)];
  return {
    ...Object.fromEntries(kept),
    ...(isOtherMethod && carried.method !== undefined ? { method: carried.method } : {}),
    ...given,
    oldDatasets: [...new Set(old)].filter((id) => !learned.has(id)),
    advanced: { ...carried.advanced, ...(given.advanced as TrainRequest['advanced']) },
  };
}
