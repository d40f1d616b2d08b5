import { createORPCClient } from '@orpc/client';
import { createContext } from 'svelte';
import type { RunRow } from '../shared/contract/comparison.ts';
import type { DatasetInfo } from '../shared/contract/datasets.ts';
import type { ModelInfo } from '../shared/contract/models.ts';
import type { HostCapabilities } from '../shared/contract/host.ts';
import type { RunSummary } from '../shared/domain/run.ts';
import type { ErrorRecord } from '../shared/errors.ts';
import type { Client } from './client/client.ts';
import { connect } from './client/connect.ts';
import { failureOf } from './client/failure.ts';
import { connectHost, takeToken } from './client/host.ts';
import { LastingLink } from './client/lasting-link.ts';

const RECONNECT_MS = 1500;
/** While a run goes on or waits, the lists are fetched so often. */
const REFRESH_MS = 4000;
const LATEST_RUNS = 5;

/** What all pages share: the connection, the lists of models and datasets, and the newest runs. */
export class StudioState {
  readonly host: HostCapabilities;
  readonly #token = takeToken();
  readonly #link = new LastingLink();
  /** Calls wait while there is no connection. */
  readonly client = createORPCClient<Client>(this.#link);
  connection = $state<'connecting' | 'open' | 'lost'>('connecting');
  /** The workspace's folder, on the studio's machine. */
  home = $state('');
  /** Folders in which a path that the user typed may be named; none where only what was chosen may. */
  typedFolders = $state.raw<readonly string[]>([]);
  version = $state('');
  /** What the sample model is called; null where the installation has none. */
  embeddedBase = $state<string | null>(null);
  models = $state.raw<ModelInfo[]>([]);
  datasets = $state.raw<DatasetInfo[]>([]);
  /** The newest few, and how many there are in all: a workspace may have thousands. */
  latestRuns = $state.raw<RunRow[]>([]);
  runCount = $state(0);
  /** The one that trains now. */
  activeRun = $state.raw<RunRow | null>(null);
  /** Those that wait for it to end, the next one first. */
  queue = $state.raw<readonly RunSummary[]>([]);
  /** Those that were asked to pause and can go on, the newest few. */
  pausedRuns = $state.raw<readonly RunRow[]>([]);
  /** Rises whenever the lists have been fetched: a page with a list of its own fetches it anew. */
  refreshes = $state(0);
  /** The lists have been fetched once. */
  isLoaded = $state(false);
  /** What went wrong with the lists. */
  failure = $state.raw<ErrorRecord | null>(null);

  constructor() {
    this.host = connectHost(this.#token);
    void this.#connect();
    setInterval(() => {
      if (this.activeRun || this.queue.length > 0) void this.refresh();
    }, REFRESH_MS);
  }

  async #connect(): Promise<void> {
    try {
      this.#link.open(await connect(this.#token, () => this.#lost()));
    } catch {
      return this.#lost();
    }
    this.connection = 'open';
    this.failure = null;
    try {
      const { home, version, embeddedBase } = await this.client.workspace.info();
      this.home = home;
      this.embeddedBase = embeddedBase;
      this.typedFolders = (await this.client.workspace.paths()).typed;
      this.version = version;
      await this.refresh();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  #lost(): void {
    this.connection = 'lost';
    setTimeout(() => void this.#connect(), RECONNECT_MS);
  }

  /** Fetches the lists anew; without a connection they stay as they are. */
  async refresh(): Promise<void> {
    if (this.connection !== 'open') return;
    try {
      const [models, datasets, latest, active, paused, queue] = await Promise.all([
        this.client.models.list(),
        this.client.datasets.list(),
        this.client.runs.search({ count: LATEST_RUNS }),
        this.client.runs.search({ status: ['preparing', 'running'], count: 1 }),
        this.client.runs.search({ status: ['paused'], count: LATEST_RUNS }),
        this.client.queue.list(),
      ]);
      this.models = models;
      this.datasets = datasets;
      this.latestRuns = latest.rows;
      this.runCount = latest.total;
      this.activeRun = active.rows[0] ?? null;
      this.pausedRuns = paused.rows;
      this.queue = queue;
      this.failure = null;
      this.isLoaded = true;
      this.refreshes++;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}

export const [getStudio, setStudio] = createContext<StudioState>();
