import type { Catalogue } from '../words.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { planner } from './planner.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { train } from './train.ts';
import { ui } from './ui.ts';

/** The catalogue in German. */
export const de: Catalogue = { home, palette, planner, settings, shell, train, ui };
