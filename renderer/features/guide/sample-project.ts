import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';
import type { TrainState } from '../train/train.svelte.ts';

/** The two domains of the sample are far apart: more is replayed than by default, as in `strata demo`. */
const SAMPLE_REPLAY_PERCENT = 10;

/** Puts the sample project into the workspace, if it is not there, and sets the page of training up for it. @throws what the call throws */
export async function openSampleProject(studio: StudioState, train: TrainState): Promise<void> {
  const { model, newDataset, oldDataset } = await studio.client.workspace.addSamples();
  await studio.refresh();
  train.choose(model.id);
  train.mixture.beginAsSample(SAMPLE_REPLAY_PERCENT);
  train.clearRoles();
  train.setRole(newDataset.id, 'new');
  train.setRole(oldDataset.id, 'old');
  route.go('train');
}
