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

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = { checks, cleaning, datasets, home, imports, palette, sensitive, settings, shapes, shell } as const;
