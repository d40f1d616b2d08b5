import type { EngineInfo } from '../../shared/contract/engines.ts';
import type { RerunVerdict, RunRequest } from '../../shared/contract/runs.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { listDatasets } from '../store/datasets.ts';
import { listModels } from '../store/models.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';
import { jobOf } from './run-job.ts';
import { requestOf } from './run-request.ts';
import type { Runs } from './runs.ts';

/** Use cases of doing a run again: with changes, or exactly. */
export class RunCopies {
  readonly #context: StudioContext;
  readonly #runs: Runs;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #engines: () => Promise<{ engines: EngineInfo[] }>;

  constructor(
    context: StudioContext,
    parts: { runs: Runs; models: Models; datasets: Datasets; engines: () => Promise<{ engines: EngineInfo[] }> },
  ) {
    this.#context = context;
    this.#runs = parts.runs;
    this.#models = parts.models;
    this.#datasets = parts.datasets;
    this.#engines = parts.engines;
  }

  /** The request that leads to a run's configuration again, with what of it is no longer in the workspace. */
  request({ run: reference }: { run: string }): RunRequest {
    const { configuration } = this.#runs.find(reference);
    const { store } = this.#context;
    const { baseModel, datasets } = configuration;
    const [models, sets] = [listModels(store), listDatasets(store)].map((list) => new Set(list.map(({ id }) => id)));
    return {
      ...requestOf(configuration),
      missing: [
        ...(models!.has(baseModel.id) ? [] : [{ kind: 'model' as const, id: baseModel.id, name: baseModel.name }]),
        ...datasets.filter(({ id }) => !sets!.has(id)).map(({ id, name }) => ({ kind: 'dataset' as const, id, name })),
      ],
    };
  }

  /**
   * Trains a run once more, from the same configuration with the same seed on the same engine: the same weights come of it.
   * @throws StrataError CONFLICT when the run was not trained to its end, or its base, data or engine are not what they were.
   */
  async rerun({ run: reference }: { run: string }): Promise<RunSummary> {
    const original = this.#runs.find(reference);
    const { name, status, engine, configuration } = original;
    if (status !== 'done' || engine === null) {
      throw new StrataError('CONFLICT', 'Only a run that was trained to its end can be repeated exactly.', {
        found: `run "${name}" is ${status}`,
        allowed: 'a run that is done',
        hint: 'Clone it instead: the copy trains all steps.',
      });
    }
    const warnings: string[] = [];
    const job = await jobOf(original, this.#models, this.#datasets, (text) => warnings.push(text));
    const { engines } = await this.#engines();
    const works = engines.filter(({ available }) => available).map((each) => each.name);
    if (!works.includes(engine)) {
      throw new StrataError('CONFLICT', 'The engine that trained the run does not work here, and another one computes other last digits.', {
        found: works.join(', ') || 'no engine',
        allowed: engine,
        hint: 'Clone the run to train it on another engine.',
      });
    }
    return this.#runs.repeat(original, { ...job, configuration: { ...configuration, engine } }, warnings);
  }

  /** Whether a rerun made the same model as the run that it repeats: every byte of the weights and of the model's configuration. */
  verdict({ run: reference }: { run: string }): RerunVerdict {
    const rerun = this.#runs.find(reference);
    if (rerun.rerunOf === null) {
      throw new StrataError('CONFLICT', 'The run repeats no other one.', {
        found: `run "${rerun.name}"`,
        allowed: 'a run that was made by a rerun',
      });
    }
    const models = new Map(listModels(this.#context.store).map(({ run, hash }) => [run, hash]));
    const [before, after] = [models.get(rerun.rerunOf), models.get(rerun.id)];
    const ids = { original: rerun.rerunOf, rerun: rerun.id };
    if (!after) return { ...ids, isIdentical: null, reason: words('said.rerunNoModel', { status: rerun.status }) };
    if (!before) return { ...ids, isIdentical: null, reason: words('said.rerunDeleted') };
    if (before === after) return { ...ids, isIdentical: true, reason: words('said.rerunSame', { hash: after }) };
    return { ...ids, isIdentical: false, reason: words('said.rerunOther', { before, after }) };
  }
}
