import type { StreamWindow, TrainPreview } from '../../shared/contract/training.ts';
import type { Role } from '../../shared/domain/run.ts';
import { openModelFolder } from '../models/model-folder.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { listRuns } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Distances } from './distances.ts';
import { importanceOf } from './importance.ts';
import type { Models } from './models.ts';
import { estimateTime, type PastRun } from './run-time.ts';
import { type ParsedTrainRequest, type ResolvedRequest, resolveRequest } from './train-request.ts';

/** The first steps are slower: graphs are compiled. */
const LEAST_STEPS_TO_TELL = 10;

/** What a run would be, before there is one. */
export class RunPlanning {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #distances: Distances;

  constructor(context: StudioContext, models: Models, datasets: Datasets, distances: Distances) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#distances = distances;
  }

  /**
   * What a run would do. It answers at once: where nobody chose a replay share and the distance of the data is not known, that is said.
   * @param onMeasure measures the distance in that case, as a start would; called before.
   */
  async preview(request: ParsedTrainRequest, onMeasure?: () => void): Promise<TrainPreview> {
    const { preview, ...planned } = await this.resolve(request, onMeasure);
    const time = estimateTime(planned, await this.past());
    // Every window costs the same, whatever it is of.
    const mixture = preview.mixture.map((each) => ({ ...each, seconds: time && time.seconds * each.share }));
    return { ...preview, mixture, time };
  }

  /** Windows of the run that a request would start, from a position on; none beyond its end. */
  async stream({ request, first, count }: { request: ParsedTrainRequest; first: number; count: number }): Promise<StreamWindow[]> {
    const { mixture, configuration } = await this.resolve(request);
    const last = Math.min(first + count, configuration.steps * configuration.batch);
    const positions = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
    return positions.map((position) => ({ position, ...mixture.at(position) }));
  }

  /** @param onMeasure called before a distance is measured that is needed and not known; without it none is. What is refused is not measured. */
  async resolve(request: ParsedTrainRequest, onMeasure?: () => void): Promise<ResolvedRequest> {
    const { store } = this.#context;
    const resolve = (): Promise<ResolvedRequest> =>
      resolveRequest(request, this.#models, this.#datasets, {
        importanceOf: (base, old, rendering) => importanceOf(store, base, old, rendering),
        replayDefault: (sides) => this.#distances.replayDefault(sides),
      });
    const resolved = await resolve();
    if (!onMeasure || resolved.preview.replayBasis !== 'unmeasured') return resolved;
    onMeasure();
    const of = (role: Role): StoredDataset[] =>
      resolved.configuration.datasets.filter((dataset) => dataset.role === role).map(({ id }) => this.#datasets.find(id));
    await this.#distances.learn({ new: of('new'), old: of('old') });
    return resolve();
  }

  /** Runs that tell how fast an engine is here, latest first: not those whose base is gone, that failed, or that hardly got beyond their first steps. */
  async past(): Promise<PastRun[]> {
    const models = new Map(this.#models.list().map(({ id, path }) => [id, path]));
    const past: PastRun[] = [];
    for (const { name, engine, tokensPerSecond, repeatedShare, configuration, status, stepsDone } of listRuns(this.#context.store)) {
      const path = models.get(configuration.baseModel.id);
      if (status === 'failed' || stepsDone < LEAST_STEPS_TO_TELL) continue;
      if (path === undefined || engine === null || !tokensPerSecond || past.some((run) => run.engine === engine)) continue;
      const folder = await openModelFolder(path);
      await folder.close();
      past.push({ name, engine, tokensPerSecond, repeatedShare: repeatedShare ?? 0, configuration, modelConfig: folder.config });
    }
    return past;
  }
}
