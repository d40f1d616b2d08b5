import type { Catalogue } from '../words.ts';
import { compare } from './compare.ts';
import { home } from './home.ts';
import { palette } from './palette.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { terms } from './terms.ts';
import { ui } from './ui.ts';

/** The catalogue in German. */
export const de: Catalogue = { compare, home, palette, settings, shell, terms, ui };
