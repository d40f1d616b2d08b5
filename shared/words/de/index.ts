import type { Catalogue } from '../words.ts';
import { checks } from './checks.ts';
import { cleaning } from './cleaning.ts';
import { datasets } from './datasets.ts';
import { home } from './home.ts';
import { imports } from './imports.ts';
import { palette } from './palette.ts';
import { sensitive } from './sensitive.ts';
import { settings } from './settings.ts';
import { shapes } from './shapes.ts';
import { shell } from './shell.ts';

/** The catalogue in German. */
export const de: Catalogue = { checks, cleaning, datasets, home, imports, palette, sensitive, settings, shapes, shell };
