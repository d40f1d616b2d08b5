import type { HostEvent } from '../../shared/contract/host.ts';
import { words } from '../../shared/words/words.ts';
import { failureOf } from '../client/failure.ts';
import type { ImportsState } from '../features/datasets/imports.svelte.ts';
import type { PaletteState } from '../features/palette/palette.svelte.ts';
import type { StudioState } from '../studio.svelte.ts';
import { route } from '../ui/route.svelte.ts';
import type { ToastsState } from '../ui/toasts.svelte.ts';

interface Parts {
  studio: StudioState;
  imports: ImportsState;
  palette: PaletteState;
  toasts: ToastsState;
}

/**
 * Does what the person asked for outside the page: in the menu, by a link, by a file.
 * @returns what ends that; a host without a menu tells of nothing.
 */
export function followHost(parts: Parts): () => void {
  return parts.studio.host.onEvent?.((event) => void perform(event, parts)) ?? (() => undefined);
}

async function perform(event: HostEvent, { studio, imports, palette, toasts }: Parts): Promise<void> {
  if (event.type === 'run') return route.go(`runs/${encodeURIComponent(event.run)}`);
  if (event.type === 'page') return route.go(event.page === 'home' ? '' : event.page);
  if (event.type === 'command') {
    if (event.command === 'palette') palette.open();
    else route.go(event.command === 'settings' ? 'settings' : 'train');
    return;
  }
  if (event.type === 'import' && event.kind === 'data') {
    route.go('datasets');
    return imports.prepare(event.paths);
  }
  if (event.type === 'import') {
    route.go('models');
    for (const path of event.paths) await importModel(path, studio, toasts);
  }
}

/** One after the other: what one needs, such as a pack its base, may be the one before it. */
async function importModel(path: string, studio: StudioState, toasts: ToastsState): Promise<void> {
  const file = path.split(/[/\\]/).at(-1)!;
  toasts.show(words('desktop.importing', { file }));
  try {
    const { name } = await studio.client.models.import({ path });
    await studio.refresh();
    toasts.show(words('desktop.imported', { model: name }));
  } catch (error) {
    const { message, hint } = failureOf(error);
    toasts.show(words('desktop.notImported', { file, problem: [message, hint].filter(Boolean).join(' ') }));
  }
}
