import { desktop } from './desktop.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = { desktop, home, palette, settings, shell } as const;
