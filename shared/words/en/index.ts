import { compare } from './compare.ts';
import { desktop } from './desktop.ts';
import { home } from './home.ts';
import { lines } from './lines.ts';
import { palette } from './palette.ts';
import { planner } from './planner.ts';
import { playground } from './playground.ts';
import { recipes } from './recipes.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { suites } from './suites.ts';
import { terms } from './terms.ts';
import { train } from './train.ts';
import { training } from './training.ts';
import { ui } from './ui.ts';

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = {
  compare,
  desktop,
  home,
  lines,
  palette,
  planner,
  playground,
  recipes,
  settings,
  shell,
  suites,
  terms,
  train,
  training,
  ui,
} as const;
