import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';
import type { TrainState } from '../train/train.svelte.ts';

/** Puts the sample project into the workspace, if it is not there, and sets the page of training up for it. @throws what the call throws */
export async function openSampleProject(studio: StudioState, train: TrainState): Promise<void> {
  const { model, newDataset, oldDataset } = await studio.client.workspace.addSamples();
  await studio.refresh();
  train.choose(model.id);
  train.mixture.replayPercent = null; // as the measured distance says, like `strata demo`
  train.clearRoles();
  train.setRole(newDataset.id, 'new');
  train.setRole(oldDataset.id, 'old');
  route.go('train');
}
