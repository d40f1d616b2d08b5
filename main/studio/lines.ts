import type { Line, LineColumn, LineEvent, LineRow, LineStep, LineUnit } from '../../shared/contract/lines.ts';
import {
  averageScore,
  avalancheForgetting,
  backwardTransfer,
  forgetting,
  forwardTransfer,
  intransigence,
  mammothForgetting,
} from '../../shared/domain/continual.ts';
import { heldOutHash } from '../../shared/domain/dataset-sample.ts';
import { blockOwners, type ExpansionStep } from '../../shared/domain/expansion.ts';
import { planOf } from '../../shared/domain/method.ts';
import { StrataError } from '../../shared/errors.ts';
import { findJointModel, setJointModel } from '../store/line-measures.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { listDeletedRuns, listRuns } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { followWork } from './follow-work.ts';
import { type Chain, chainOf } from './line-chain.ts';
import { type Column, columnOf, type LineData, type LineMoment, shownCell, shownColumn } from './line-column.ts';
import { type Gap, measureGaps, type MeasureProgress } from './line-gaps.ts';
import { LineSources } from './line-sources.ts';
import type { Models } from './models.ts';
import type { Text } from './text.ts';

/** A line with all that is known of it. */
interface Assembled {
  model: StoredModel;
  chain: Chain;
  moments: LineMoment[];
  tasks: Column[];
  kept: Column | null;
  /** For each task: the model that learned the tasks up to it together, and its score as the last cell of a column of its own. */
  joint: ({ moment: LineMoment; column: Column } | null)[];
}

/** What models learned step after step, and what they kept of it. */
export class Lines {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #text: Text;

  constructor(context: StudioContext, models: Models, datasets: Datasets, text: Text) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#text = text;
  }

  /** Lines by the models that they end in: those that learned something and that no other model of the workspace came of. */
  list(): LineRow[] {
    const models = listModels(this.#context.store);
    const ancestors = new Set(models.flatMap(({ line }) => line.map(({ base }) => base.hash)));
    return models
      .filter(({ hash, line }) => !ancestors.has(hash) && line.some(({ training }) => training !== null))
      .map((model) => ({
        model: { id: model.id, name: model.name },
        base: model.line[0]!.base.name,
        tasks: chainOf(model).tasks.map(({ training }) => training.datasets.filter(({ role }) => role === 'new').map(({ name }) => name)),
        createdAt: model.createdAt,
      }));
  }

  /** @throws StrataError NOT_FOUND for an unknown model, CONFLICT for a run that has made none. */
  show({ model: reference, unit = 'nats' }: { model: string; unit?: LineUnit }): Line {
    const assembled = this.#assemble(this.#text.modelOf(reference), unit);
    return this.#shown(assembled, unit);
  }

  /**
   * Measures what is missing of a line and can be measured, each column in the manner of what it has; kept for every line of the same models.
   * @param signal ends it; what was measured until then is kept.
   */
  async measure(
    { model: reference, unit = 'nats', engine = 'auto' }: { model: string; unit?: LineUnit; engine?: string },
    onProgress: (progress: MeasureProgress) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Line> {
    const model = this.#text.modelOf(reference);
    await measureGaps(this.#context, this.#models, this.#gapsOf(this.#assemble(model, unit)), { engine, onProgress, signal });
    return this.show({ model: model.id, unit });
  }

  /** {@link measure} as events, the line in the last. */
  async *follow(request: { model: string; unit?: LineUnit; engine?: string }, signal?: AbortSignal): AsyncGenerator<LineEvent, void> {
    const work = followWork<MeasureProgress, Line>((onProgress, ended) => this.measure(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { ...event.progress, line: null };
      else yield { activity: '', done: 1, of: 1, line: event.result };
    }
  }

  /**
   * Names the model that learned the tasks of a line up to one of them together, for the intransigence; null takes it back.
   * @throws StrataError BAD_INPUT for a task that the line does not have, or a model that learned something else.
   */
  setJoint({ model: reference, task, joint }: { model: string; task?: number | undefined; joint: string | null }): Line {
    const model = this.#text.modelOf(reference);
    const { tasks, moments } = chainOf(model);
    const wanted = task ?? tasks.length;
    if (wanted < 1 || wanted > tasks.length) {
      throw new StrataError('BAD_INPUT', 'The line has no such task.', { found: `task ${wanted}`, allowed: `1 to ${tasks.length}` });
    }
    const named = joint === null ? null : this.#text.modelOf(joint);
    if (named) this.#checkJoint(named, tasks.slice(0, wanted), moments);
    setJointModel(this.#context.store, moments[wanted]!.hashes[0]!, named && { hash: named.hash, name: named.name });
    return this.show({ model: model.id });
  }

  /** A model of which nobody knows what it learned is taken at the user's word. */
  #checkJoint(joint: StoredModel, tasks: Chain['tasks'], moments: Chain['moments']): void {
    if (moments.some(({ hashes }) => hashes.includes(joint.hash))) {
      throw new StrataError('BAD_INPUT', 'A model of the line itself did not learn its tasks together.', {
        found: `"${joint.name}"`,
        allowed: 'a model that one run trained on the data of all tasks',
        hint: 'Train one from the base with the new data of all tasks as new.',
      });
    }
    const trained = chainOf(joint).tasks.flatMap(({ training }) => training.datasets);
    if (trained.length === 0) return;
    const learned = new Set(this.#dataOf(trained).map(({ hash }) => hash));
    const lacking = this.#dataOf(tasks.flatMap(newOf)).filter(({ hash }) => !learned.has(hash));
    if (lacking.length === 0) return;
    throw new StrataError('BAD_INPUT', 'This model did not learn all tasks.', {
      found: `"${joint.name}" without ${lacking.map(({ name }) => `"${name}"`).join(', ')}`,
      allowed: 'a model that was trained on the new data of every task up to this one',
    });
  }

  #assemble(model: StoredModel, unit: LineUnit): Assembled {
    const { store } = this.#context;
    const models = listModels(store);
    const sources = new LineSources(store, [...listRuns(store), ...listDeletedRuns(store)], models);
    const chain = chainOf(model);
    const momentOf = (name: string, hashes: readonly string[]): LineMoment => {
      const stored = models.find(({ hash }) => hashes.includes(hash));
      return { name: stored?.name ?? name, model: stored?.id ?? null, measures: sources.of(hashes) };
    };
    const moments = chain.moments.map(({ name, hashes }) => momentOf(name, hashes));
    const learned = new Set(this.#dataOf(chain.tasks.flatMap(newOf)).map(({ hash }) => hash));
    const old = this.#dataOf(chain.tasks.flatMap(({ training }) => training.datasets.filter(({ role }) => role === 'old')));
    const onlyOld = old.filter(({ hash }) => !learned.has(hash));
    const jointMoments = chain.tasks.map((_, index) => {
      const [hash] = chain.moments[index + 1]!.hashes;
      const joint = hash === undefined ? null : findJointModel(store, hash);
      return joint && momentOf(joint.name, [joint.hash]);
    });
    // The joint model's score must be of the same windows as the column's, so it is one more row of it.
    const columns = chain.tasks.map((task, index) =>
      columnOf(this.#dataOf(newOf(task)), [...moments, ...(jointMoments[index] ? [jointMoments[index]] : [])], unit),
    );
    return {
      model,
      chain,
      moments,
      tasks: columns,
      kept: onlyOld.length > 0 ? columnOf(onlyOld, moments, unit) : null,
      joint: jointMoments.map((moment, index) => moment && { moment, column: columns[index]! }),
    };
  }

  /** Datasets as steps name them, each held-out part once. */
  #dataOf(datasets: readonly { name: string; hash: string }[]): LineData[] {
    const found = datasets.map(({ name, hash }): LineData => {
      const itself = this.#datasets.withHash(hash);
      const heldOut = itself ? heldOutHash(itself) : hash;
      const stored = itself ?? this.#datasets.withHeldOut(hash);
      return { name: stored?.sampleOf?.name ?? stored?.name ?? name, hash: heldOut, stored };
    });
    return found.filter(({ hash }, index) => found.findIndex((other) => other.hash === hash) === index);
  }

  #shown({ model, moments, tasks, kept, joint }: Assembled, unit: LineUnit): Line {
    const scores = moments.map((_, row) => tasks.map(({ cells }) => cells[row]!.score));
    const last = tasks.length;
    const jointScore = joint.at(-1)?.column.cells.at(-1)!.score ?? null;
    const shownTasks = tasks.map((column, index) => shownColumn(column, moments, index));
    const shownKept = kept && shownColumn(kept, moments, 0);
    const shownJoint = joint.map(
      (each, index) =>
        each && {
          name: each.moment.name,
          model: each.moment.model,
          cell: shownCell(each.column, moments.length, each.moment, each.column.cells[index + 1]!.score),
        },
    );
    const cells = [...shownTasks, ...(shownKept ? [shownKept] : [])].flatMap((column) => column.cells);
    return {
      model: { id: model.id, name: model.name, blocks: model.blocks, owners: blockOwners(model, model.blocks) },
      unit,
      base: moments[0]!.name,
      steps: this.#steps(model),
      rows: moments.map(({ name, model: id }) => ({ name, model: id })),
      tasks: shownTasks,
      kept: shownKept,
      figures: {
        averageScore: averageScore(scores),
        backwardTransfer: backwardTransfer(scores),
        forwardTransfer: forwardTransfer(scores),
        forgetting: forgetting(scores),
        intransigence: last > 0 ? intransigence(scores, last, jointScore) : null,
        avalancheForgetting: avalancheForgetting(scores),
        mammothForgetting: mammothForgetting(scores),
      },
      joint: shownJoint,
      missing: missingOf(moments, [...shownTasks, ...(shownKept ? [shownKept] : [])]),
      measurable: [...cells, ...shownJoint.flatMap((each) => (each ? [each.cell] : []))].filter(
        (cell) => !cell.isKnown && cell.canBeMeasured,
      ).length,
    };
  }

  #steps({ line, hash }: StoredModel): LineStep[] {
    const { store } = this.#context;
    const models = listModels(store);
    const runs = listRuns(store);
    let task = 0;
    return line.map((step, index): LineStep => {
      const result = line[index + 1]?.base.hash ?? hash;
      const run = runs.find(({ id }) => id === step.training?.run || id === step.id);
      const datasets = (step.training?.datasets ?? []).map(({ name, hash: own, role }) => {
        const [data] = this.#dataOf([{ name, hash: own }]);
        return { name, hash: own, role, id: data!.stored?.id ?? null, isSample: (data!.stored?.sampleOf ?? null) !== null };
      });
      return {
        index,
        task: step.training ? ++task : null,
        name: step.name ?? `step ${index + 1}`,
        model: models.find((each) => each.hash === result)?.id ?? null,
        run: run ? { id: run.id, name: run.name } : null,
        method: step.method,
        insertedBlocks: planOf(step.method)?.inserted.length ?? 0,
        datasets,
        gain: step.training?.gain ?? null,
        forgetting: step.training?.forgetting ?? null,
      };
    });
  }

  #gapsOf({ chain, moments, tasks, kept, joint }: Assembled): Gap[] {
    const runs = listRuns(this.#context.store);
    const ofTask = (index: number): Gap['likeRun'] => {
      const id = chain.tasks[index]?.training.run ?? chain.tasks[index]?.id;
      return runs.find((run) => run.id === id)?.configuration ?? null;
    };
    const columns = [
      ...tasks.map((column, index) => ({ column, likeRun: ofTask(index) })),
      ...(kept ? [{ column: kept, likeRun: ofTask(0) }] : []),
    ];
    return columns.flatMap(({ column, likeRun }, at) => {
      const rows = [...moments, ...(joint[at] ? [joint[at].moment] : [])];
      return rows.flatMap(({ model }, row) =>
        column.datasets.flatMap(({ hash, name, stored }, index): Gap[] => {
          if (model === null || stored === undefined || column.cells[row]!.measures[index] !== undefined) return [];
          return [{ model, dataset: { hash, name, stored }, example: column.examples[index] ?? null, likeRun }];
        }),
      );
    });
  }
}

function newOf({ training }: { training: NonNullable<ExpansionStep['training']> }): { name: string; hash: string }[] {
  return training.datasets.filter(({ role }) => role === 'new');
}

/** What is gone, a sentence each. */
function missingOf(moments: readonly LineMoment[], columns: readonly LineColumn[]): string[] {
  const models = moments
    .filter(({ model }) => model === null)
    .map(({ name }) => `The model “${name}” is not in this workspace: what was not measured of it before cannot be measured.`);
  const datasets = columns.flatMap((column) => column.datasets);
  const gone = datasets
    .filter(({ id }) => id === null)
    .map(({ name }) => `“${name}” is not in this workspace any more: what was measured on it stays, more cannot be measured.`);
  const samples = datasets
    .filter(({ isSample }) => isSample)
    .map(({ name }) => `Of “${name}” a sample is left; its held-out part is whole, so what is measured on it can be compared.`);
  return [...new Set([...models, ...gone, ...samples])];
}
