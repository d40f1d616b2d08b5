import { bin } from './bin.ts';
import { checks } from './checks.ts';
import { cleaning } from './cleaning.ts';
import { compare } from './compare.ts';
import { configuration } from './configuration.ts';
import { datasets } from './datasets.ts';
import { desktop } from './desktop.ts';
import { domain } from './domain.ts';
import { engines } from './engines.ts';
import { exports } from './exports.ts';
import { guard } from './guard.ts';
import { guide } from './guide.ts';
import { home } from './home.ts';
import { imports } from './imports.ts';
import { lines } from './lines.ts';
import { mixing } from './mixing.ts';
import { models } from './models.ts';
import { palette } from './palette.ts';
import { planner } from './planner.ts';
import { playground } from './playground.ts';
import { recipes } from './recipes.ts';
import { review } from './review.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { said } from './said.ts';
import { sensitive } from './sensitive.ts';
import { settings } from './settings.ts';
import { shapes } from './shapes.ts';
import { shell } from './shell.ts';
import { suites } from './suites.ts';
import { terms } from './terms.ts';
import { train } from './train.ts';
import { training } from './training.ts';
import { ui } from './ui.ts';

/** The catalogue: every sentence that people read on the pages, by room. English is where sentences are written first. */
export const en = {
  bin,
  checks,
  cleaning,
  compare,
  configuration,
  datasets,
  desktop,
  domain,
  engines,
  exports,
  guard,
  guide,
  home,
  imports,
  lines,
  mixing,
  models,
  palette,
  planner,
  playground,
  recipes,
  review,
  run,
  runs,
  said,
  sensitive,
  settings,
  shapes,
  shell,
  suites,
  terms,
  train,
  training,
  ui,
} as const;
