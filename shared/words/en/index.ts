import { home } from './home.ts';
import { palette } from './palette.ts';
import { planner } from './planner.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { train } from './train.ts';
import { ui } from './ui.ts';

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = { home, palette, planner, settings, shell, train, ui } as const;
