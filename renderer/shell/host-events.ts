import type { HostEvent } from '../../shared/contract/host.ts';
import type { ImportsState } from '../features/datasets/imports.svelte.ts';
import { importModels } from '../features/models/import-models.ts';
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
    await importModels(event.paths, studio, toasts);
  }
}
