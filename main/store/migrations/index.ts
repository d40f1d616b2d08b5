import { firstLight } from './0010-first-light.ts';
import { frozenConfiguration } from './0020-frozen-configuration.ts';
import { runWarnings } from './0030-run-warnings.ts';
import { methodDescription } from './0040-method-description.ts';
import { repeatedShare } from './0050-repeated-share.ts';
import { importanceTables } from './0060-importance.ts';
import { modelLine } from './0070-model-line.ts';
import { datasetFacts } from './0080-dataset-facts.ts';
import { retention } from './0090-retention.ts';
import { measuring } from './0091-measuring.ts';
import { suiteTables } from './0100-suites.ts';
import { queueAndBatches } from './0130-queue-and-batches.ts';
import { runFacts } from './0140-run-facts.ts';
import { lines } from './0150-lines.ts';
import { packRecords } from './0160-pack-records.ts';
import { trainingView } from './0170-training-view.ts';
import { itemBins } from './0180-item-bins.ts';
import { watchedBaseline } from './0190-watched-baseline.ts';
import type { Migration } from './migration.ts';

/** In increasing order. A landed migration is never changed; a new one is added. */
export const MIGRATIONS: readonly Migration[] = [
  firstLight,
  frozenConfiguration,
  runWarnings,
  methodDescription,
  repeatedShare,
  importanceTables,
  modelLine,
  datasetFacts,
  retention,
  measuring,
  suiteTables,
  queueAndBatches,
  runFacts,
  lines,
  packRecords,
  trainingView,
  itemBins,
  watchedBaseline,
];
