import type { TrainRequest } from '../../../shared/contract/training.ts';
import { LORA_TARGETS, parseTrainBlocks } from '../../../shared/domain/method.ts';
import { REPLAY_SCHEDULE_NAMES, type ReplaySchedule } from '../../../shared/domain/mixture-curve.ts';
import { parsePlace, planExpansion } from '../../../shared/domain/plan.ts';
import { DEFAULT_RENDERING } from '../../../shared/domain/rendering.ts';
import type { Placement, TrainState } from './train.svelte.ts';

/** A request put into the fields of the page that makes requests. */

const NAMED_PLACES: readonly Placement[] = ['even', 'top', 'bottom', 'least-important'];

/** Sets every field; what the workspace no longer has is left to be chosen. */
export function prefill(train: TrainState, request: TrainRequest): void {
  train.choose(request.model);
  train.clearRoles();
  for (const id of request.newDatasets) train.setRole(id, 'new');
  for (const id of request.oldDatasets ?? []) train.setRole(id, 'old');
  train.mixture.take(request);
  train.guard.take(request.guard ?? null);
  prefillMethod(train, request);
  const { schedule, packing, microBatch } = request.advanced ?? {};
  train.steps = request.steps ?? null;
  train.batch = request.batch ?? null;
  train.microBatch = microBatch ?? null;
  train.context = request.context ?? null;
  train.learningRate = request.learningRate ?? null;
  train.schedule = schedule ?? 'cosine';
  train.packing = packing ?? 'plain';
  const { completions, learn } = { ...DEFAULT_RENDERING, ...request.rendering };
  train.completions = completions;
  train.learn = learn;
  train.name = '';
}

function prefillMethod(train: TrainState, { method = 'expand', place = 'even', blocks, ...request }: TrainRequest): void {
  train.method = method;
  if (method === 'expand') {
    const named = NAMED_PLACES.find((each) => each === place);
    if (named) {
      train.placement = named;
      train.blocks = blocks ?? null;
    } else if (train.model) {
      const { inserted } = planExpansion(train.model.blocks, blocks, parsePlace(place));
      train.placesText = inserted.map(({ after }) => after).join(',');
      train.placement = 'own';
    }
  }
  if (method === 'lora') {
    const { targets } = request;
    train.rank = request.rank ?? null;
    train.alpha = request.alpha ?? null;
    train.targets = LORA_TARGETS.filter((each) => targets?.includes(each) ?? true);
  }
  if (method === 'freeze' && train.model && request.trainBlocks !== undefined) {
    train.trainedBlocks = parseTrainBlocks(request.trainBlocks, train.model.blocks);
  }
}

/** What of a request the page has no field for. */
export function fieldless({ seed, engine, replaySchedule, advanced = {} }: TrainRequest): Partial<TrainRequest> {
  const { schedule: _schedule, packing: _packing, microBatch: _microBatch, ...others } = advanced;
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(engine === undefined ? {} : { engine }),
    ...(replaySchedule === undefined || isNamedSchedule(replaySchedule) ? {} : { replaySchedule }),
    ...(Object.keys(others).length === 0 ? {} : { advanced: others }),
  };
}

export function isNamedSchedule(schedule: string): schedule is ReplaySchedule {
  return (REPLAY_SCHEDULE_NAMES as readonly string[]).includes(schedule);
}
