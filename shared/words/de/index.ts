import type { Catalogue } from '../words.ts';
import { engines } from './engines.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { ui } from './ui.ts';

/** The catalogue in German. */
export const de: Catalogue = { engines, home, palette, settings, shell, ui };
