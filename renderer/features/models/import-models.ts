import { words } from '../../../shared/words/words.ts';
import { failureOf, nameOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';
import { wholeModels } from './whole-models.ts';

/** Imports models and packs that were dropped or opened, and tells of each, with the way back. */
export async function importModels(paths: readonly string[], studio: StudioState, toasts: ToastsState): Promise<void> {
  // One after the other: what one needs, such as a pack its base, may be the one before it.
  for (const path of wholeModels(paths)) await importModel(path, studio, toasts);
}

async function importModel(path: string, studio: StudioState, toasts: ToastsState): Promise<void> {
  const file = nameOf(path);
  const tellProblem = (error: unknown): void => {
    toasts.showProblem(words('models.fileNotImported', { file }), failureOf(error));
  };
  const going = toasts.show(words('models.fileImporting', { file }));
  toasts.hold(going);
  try {
    const { id, name } = await studio.client.models.import({ path });
    await studio.refresh();
    const undo = async (): Promise<void> => {
      await studio.client.models.remove({ model: id });
      await studio.refresh();
    };
    toasts.show(words('models.fileImported', { model: name }), { label: words('ui.undo'), run: () => void undo().catch(tellProblem) });
  } catch (error) {
    tellProblem(error);
  } finally {
    toasts.close(going);
  }
}
