import type { TrainRequest } from '../../../shared/contract/training.ts';
import { parseTrainBlocks } from '../../../shared/domain/method.ts';
import { REPLAY_SCHEDULE_NAMES, type ReplaySchedule } from '../../../shared/domain/mixture-curve.ts';
import { parsePlace, planExpansion } from '../../../shared/domain/plan.ts';
import type { Placement } from './plan.svelte.ts';
import type { TrainState } from './train.svelte.ts';

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
  train.settings.take(request);
}

function prefillMethod({ plan, model }: TrainState, { method = 'expand', place = 'even', blocks, ...request }: TrainRequest): void {
  plan.method = method;
  if (method === 'expand') {
    const named = NAMED_PLACES.find((each) => each === place);
    if (named) {
      plan.placement = named;
      plan.blocks = blocks ?? null;
    } else if (model) {
      const { inserted } = planExpansion(model.blocks, blocks, parsePlace(place));
      plan.setPlaces(inserted.map(({ after }) => after));
    }
  }
  if (method === 'lora') plan.lora.take(request);
  if (method === 'freeze' && model && request.trainBlocks !== undefined) {
    plan.trainedBlocks = parseTrainBlocks(request.trainBlocks, model.blocks);
  }
  plan.forgetSteps();
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
