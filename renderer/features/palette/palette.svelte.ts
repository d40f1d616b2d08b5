import { createContext } from 'svelte';

/** Whether the palette of commands is open. */
export class PaletteState {
  isOpen = $state(false);

  open(): void {
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
  }
}

export const [getPalette, setPalette] = createContext<PaletteState>();
