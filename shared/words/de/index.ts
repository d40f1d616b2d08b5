import type { Catalogue } from '../words.ts';
import { desktop } from './desktop.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';

/** The catalogue in German. */
export const de: Catalogue = { desktop, home, palette, settings, shell };
