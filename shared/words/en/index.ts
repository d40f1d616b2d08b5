import { engines } from './engines.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { ui } from './ui.ts';

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = { engines, home, palette, settings, shell, ui } as const;
