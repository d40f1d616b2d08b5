import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineInfo } from '../../shared/contract/engines.ts';
import { listDatasets } from '../store/datasets.ts';
import { listBin } from '../store/item-bins.ts';
import { listModels } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import type { Executor } from '../training/executor.ts';
import { Activities } from './activity.ts';
import type { StudioContext } from './context.ts';
import { DataChecks } from './data-checks.ts';
import { DatasetDocuments } from './dataset-documents.ts';
import { DatasetImports } from './dataset-imports.ts';
import { DatasetSamples } from './dataset-samples.ts';
import { DatasetTokens } from './dataset-tokens.ts';
import { Datasets } from './datasets.ts';
import { Distances } from './distances.ts';
import { type EnginePackOptions, EnginePacks } from './engines.ts';
import { Exports } from './exports.ts';
import { Lines } from './lines.ts';
import { ModelDownloads } from './model-downloads.ts';
import { Gates } from './gates.ts';
import { Models } from './models.ts';
import { NextDomains } from './next-domain.ts';
import { Packs } from './packs.ts';
import { Planner } from './planner.ts';
import { Recipes } from './recipes.ts';
import { RunCopies } from './run-copies.ts';
import { RunComparison } from './run-comparison.ts';
import { RunExport } from './run-export.ts';
import { RunHistory } from './run-history.ts';
import { RunQueue } from './run-queue.ts';
import { Runs } from './runs.ts';
import { addSamples, EMBEDDED_BASE } from './samples.ts';
import { SelfReplay } from './self-replay.ts';
import { SuiteChangeList } from './suite-changes.ts';
import { Suites } from './suites.ts';
import { Text } from './text.ts';
import { removeUnfinished, sweepUnfinished } from './unfinished.ts';

/** For hosts that take an engine's name from a person. */
export { ENGINE_NAMES, parseEngineName } from '../engine/load-engine.ts';

export interface StudioOptions {
  /** The workspace's folder; made when it does not exist. */
  home: string;
  executor: Executor;
  /** Folder of the embedded base and the samples. */
  resources: string;
  version: string;
  log?: (message: string) => void;
  /** Where engine packs come from and go; the defaults serve everybody but tests. */
  enginePacks?: EnginePackOptions;
}

/** The use cases of the studio, the same for every host. Close it to save what is being trained. */
export interface Studio {
  readonly home: string;
  readonly version: string;
  readonly models: Models;
  readonly exports: Exports;
  readonly downloads: ModelDownloads;
  readonly datasets: Datasets;
  readonly dataChecks: DataChecks;
  readonly datasetDocuments: DatasetDocuments;
  readonly datasetSamples: DatasetSamples;
  readonly datasetTokens: DatasetTokens;
  readonly imports: DatasetImports;
  readonly enginePacks: EnginePacks;
  readonly lines: Lines;
  readonly nextDomains: NextDomains;
  readonly planner: Planner;
  readonly runs: Runs;
  readonly copies: RunCopies;
  readonly recipes: Recipes;
  readonly history: RunHistory;
  readonly comparison: RunComparison;
  readonly runExport: RunExport;
  /** Runs that wait. Whoever serves it to a person drives it. */
  readonly queue: RunQueue;
  /** What goes on, for a host that shows it outside the pages. */
  readonly activities: Activities;
  readonly selfReplay: SelfReplay;
  readonly suites: Suites;
  readonly suiteChanges: SuiteChangeList;
  readonly text: Text;
  readonly packs: Packs;
  readonly gates: Gates;
  /** The workspace has just been made: nothing was ever in it. */
  readonly isNew: boolean;
  info(): { home: string; version: string; embeddedBase: string | null };
  addSamples(): ReturnType<typeof addSamples>;
  engines(): Promise<{ selected: string | null; engines: EngineInfo[] }>;
  close(): Promise<void>;
  /** For a program that must end at once: removes what is half made. What is being trained keeps its last checkpoint. */
  abandon(): void;
}

/**
 * Opens a workspace: the one place where the parts are put together.
 * @throws StrataError when its database is damaged or newer than this program.
 */
export function openStudio({ home, executor, resources, version, log = () => undefined, enginePacks: packOptions }: StudioOptions): Studio {
  const isNew = !existsSync(join(home, 'strata.db'));
  const store = openStore(join(home, 'strata.db'));
  const context: StudioContext = { home, resources, version, store, executor, unfinished: new Set(), log };
  const known = new Set(
    [...listModels(store), ...listDatasets(store), ...listBin(store, 'models'), ...listBin(store, 'datasets')].map(({ path }) => path),
  );
  sweepUnfinished(home, (path) => known.has(path), log);
  const models = new Models(context);
  const downloads = new ModelDownloads(context, models);
  const datasets = new Datasets(context);
  const imports = new DatasetImports(context, datasets);
  const exports = new Exports(context, models);
  const distances = new Distances(context);
  const runs = new Runs(context, models, datasets, distances);
  const engines: Studio['engines'] = async () =>
    (await executor.start({ kind: 'self-test', engines: [] }, () => undefined).finished) as Awaited<ReturnType<Studio['engines']>>;
  const enginePacks = new EnginePacks(context, () => runs.isTraining, packOptions);
  const recipes = new Recipes(context, models, runs);
  const queue = new RunQueue(context, runs, () => recipes.tend());
  const comparison = new RunComparison(context, runs);
  const datasetTokens = new DatasetTokens(context, datasets);
  const text = new Text(context, datasets);
  const suites = new Suites(context, datasets, text);
  return {
    home,
    version,
    isNew,
    models,
    exports,
    downloads,
    datasets,
    dataChecks: new DataChecks(context, datasets, distances, text),
    datasetDocuments: new DatasetDocuments(datasets),
    datasetSamples: new DatasetSamples(context, datasets, datasetTokens),
    datasetTokens,
    imports,
    enginePacks,
    lines: new Lines(context, models, datasets, text),
    nextDomains: new NextDomains(context, runs, datasets, datasetTokens),
    planner: new Planner(context, models, datasets, runs),
    runs,
    copies: new RunCopies(context, { runs, models, datasets, engines }),
    recipes,
    history: new RunHistory(context, runs),
    comparison,
    runExport: new RunExport(context, runs, comparison),
    queue,
    activities: new Activities(context, runs),
    selfReplay: new SelfReplay(context, models, datasets),
    suites,
    suiteChanges: new SuiteChangeList(context, suites),
    text,
    packs: new Packs(context, models, text),
    gates: new Gates(context, datasets, text),
    info: () => ({ home, version, embeddedBase: existsSync(join(resources, 'base', 'model.safetensors')) ? EMBEDDED_BASE : null }),
    addSamples: () => addSamples(context, models, datasets),
    engines,
    close: async () => {
      await text.close();
      await exports.close();
      await downloads.close();
      await enginePacks.close();
      await imports.close();
      await queue.close(); // or it would start the next run when the present one ends
      await runs.close();
      store.close();
    },
    abandon: () => {
      downloads.abandon();
      enginePacks.abandon();
      imports.abandon();
      for (const path of context.unfinished) removeUnfinished(path);
    },
  };
}
