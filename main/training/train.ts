import { join } from 'node:path';
import type { GuardAction } from '../../shared/domain/guard.ts';
import { gainAndForgetting, type MetricPoint, type RunConfiguration } from '../../shared/domain/run.ts';
import { countParameters, planOf, replacesBase, roleOfTarget, trainabilityOf } from '../../shared/domain/method.ts';
import { freshGuardState } from '../../shared/domain/guard-rule.ts';
import { openMixture } from '../../shared/domain/mixture-open.ts';
import type { Mixture, MixtureSource } from '../../shared/domain/mixture.ts';
import { learningRateFactor } from '../../shared/domain/tensor-groups.ts';
import { StrataError } from '../../shared/errors.ts';
import { openTokenShard, trainingWindows } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { largestLogitDifference } from '../llama/measure.ts';
import type { Gradients } from '../llama/gradients.ts';
import { lowestTrainedBlock } from '../llama/model.ts';
import { Optimizer } from '../llama/optimizer.ts';
import { disposeLlama, type Llama, loadLlama, parametersOf, withoutAdapters, withoutInserted } from '../llama/parameters.ts';
import { learningRateAt } from '../llama/schedule.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import {
  type CheckpointState,
  configurationHash,
  dropBest,
  keepBest,
  restoreBest,
  restoreCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import { explainDivergence } from './divergence.ts';
import { evaluationPoints } from './evaluation.ts';
import { HeldOut, type Measured, type MeasuredPart, NotMeasurable, type Reference } from './held-out.ts';
import { memoryPlanOf } from './memory-plan.ts';
import type { Control, TrainerEvent, TrainJob, TrainResult } from './messages.ts';
import { outcomeErrors } from './outcome-errors.ts';
import { PrefixCache } from './prefix-cache.ts';
import { peakMemory } from './process-memory.ts';
import { RunGuard } from './run-guard.ts';
import { lockRun } from './run-lock.ts';
import { saveTrainedModel } from './save-model.ts';
import { lossAndGradientsOfStep } from './step.ts';
import { microBatches, type RunShards, tokensByDataset, trainingBatch, windowKeys } from './windows.ts';

/** Messages about progress are at most so far apart, and no closer. */
const PROGRESS_INTERVAL_MS = 200;

/** Measurements that a checkpoint repeats: those of some hundred steps. */
const RECENT_POINTS = 1000;

/** In the run's folder, while it is trained: what frozen blocks make of its windows. */
const PREFIX_FILE = 'prefix.cache';

/** Windows of real text on which identity is proved before step 1. */
const IDENTITY_WINDOWS = 4;

/**
 * One training session: from the start or the last checkpoint to the end, or to the pause, stop or interruption that
 * `requested` asks for. Whatever happens, the base's files are only read.
 */
export async function train(
  job: TrainJob,
  engine: Engine,
  emit: (event: TrainerEvent) => void,
  requested: () => Control | null,
): Promise<TrainResult> {
  const release = await lockRun(job.runDirectory, () => emit({ type: 'activity', text: 'waiting until the earlier trainer has saved' }));
  try {
    const session = await Session.open(job, engine, emit);
    try {
      return await session.run(requested);
    } finally {
      await session.close();
    }
  } finally {
    await release();
  }
}

class Session {
  readonly #job: TrainJob;
  readonly #configuration: RunConfiguration;
  readonly #engine: Engine;
  readonly #emit: (event: TrainerEvent) => void;
  readonly #folder: ModelFolder;
  readonly #shards: RunShards[];
  readonly #model: Llama;
  /** What the run started from: the model without what was added, or with frozen copies of what is trained. */
  readonly #base: Llama;
  readonly #optimizer: Optimizer;
  readonly #sources: MixtureSource[];
  /** As the guard has made it so far. */
  #mixture: Mixture;
  readonly #heldOut: HeldOut;
  readonly #guard: RunGuard | null;
  /** What does not fit into memory is computed again in the backward pass, with the same result. */
  readonly #recomputes: boolean;
  /** While steps are trained, where windows come again and blocks below the first trained one are frozen. */
  #prefixes: PrefixCache | null = null;
  readonly #started: number;
  #state: CheckpointState;
  /** Measured since the last message about progress. */
  readonly #points: MetricPoint[] = [];
  /** Of this session's measurements on the way. */
  #evaluationSeconds = 0;
  #evaluations = 0;

  private constructor(
    job: TrainJob,
    engine: Engine,
    emit: (event: TrainerEvent) => void,
    parts: {
      started: number;
      folder: ModelFolder;
      shards: RunShards[];
      heldOut: HeldOut;
      model: Llama;
      base: Llama;
      optimizer: Optimizer;
      state: CheckpointState;
      recomputes: boolean;
    },
  ) {
    const { context, guard } = job.configuration;
    this.#job = job;
    this.#configuration = job.configuration;
    this.#engine = engine;
    this.#emit = emit;
    this.#started = parts.started;
    this.#folder = parts.folder;
    this.#shards = parts.shards;
    this.#model = parts.model;
    this.#base = parts.base;
    this.#optimizer = parts.optimizer;
    this.#state = parts.state;
    this.#recomputes = parts.recomputes;
    this.#sources = parts.shards.map(({ datasetId, role, train }) => ({
      datasetId,
      role,
      windows: trainingWindows(train.length, context),
    }));
    this.#mixture = this.#openMixture();
    this.#heldOut = parts.heldOut;
    this.#guard = guard ? new RunGuard(guard, job.configuration) : null;
  }

  /** With what the guard has raised so far. */
  #openMixture(): Mixture {
    const { batch } = this.#configuration;
    const raises = this.#state.guard.raises.map(({ step, replayShare }) => ({ position: step * batch, replayShare }));
    return openMixture(this.#configuration, this.#sources, raises);
  }

  static async open(job: TrainJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<Session> {
    const started = performance.now();
    const { configuration } = job;
    emit({ type: 'activity', text: 'loading the base' });
    const folder = await openModelFolder(job.baseModelDirectory);
    const shards: RunShards[] = [];
    const past: MeasuredPart[] = [];
    try {
      checkPlanFits(configuration, folder);
      const { keepsActivations } = memoryPlanOf(configuration, folder);
      const load = { config: folder.config, read: (name: string) => folder.readTensor(name), isCompact: true };
      const { method } = configuration;
      const model = await loadLlama(engine, {
        ...load,
        plan: planOf(method),
        isTrainable: trainabilityOf(method),
        lora: method.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed: configuration.seed } : null,
      });
      const measuresDrift = (job.past ?? []).length > 0 || configuration.datasets.some(({ role }) => role === 'old');
      const base = replacesBase(method)
        ? measuresDrift
          ? await loadLlama(engine, { ...load, shared: model })
          : model // before step 1 it is the base, and later there is no drift to measure
        : withoutAdapters(withoutInserted(model));
      for (const { datasetId, role, trainPath, heldOutPath } of job.shards) {
        shards.push({ datasetId, role, train: await openTokenShard(trainPath), heldOut: await openTokenShard(heldOutPath) });
      }
      for (const { datasetId, heldOutPath } of job.past ?? []) {
        const { name, hash } = configuration.past!.find(({ id }) => id === datasetId)!;
        past.push({ datasetId, name, hash, role: 'past', heldOut: await openTokenShard(heldOutPath) });
      }
      const measured = shards.map(({ datasetId, role, heldOut }): MeasuredPart => {
        const { name, hash, heldOutHash } = configuration.datasets.find((dataset) => dataset.id === datasetId && dataset.role === role)!;
        return { datasetId, name, hash: heldOutHash ?? hash, role, heldOut };
      });
      const tokenizer = await loadTokenizer(job.baseModelDirectory);
      const heldOut = new HeldOut([...measured, ...past], configuration, tokenizer.byteLength);
      for (const { heldOut: shard } of past) await shard.close(); // its windows are in memory
      past.length = 0;
      const optimizer = new Optimizer(engine, parametersOf(model), {
        ...configuration,
        learningRateFactor: (name) => learningRateFactor(name, method, configuration.learningRateFactors),
      });
      const restored = await restoreCheckpoint(job.runDirectory, configuration, engine, optimizer);
      const saved = restored?.state;
      const fresh: CheckpointState = {
        schemaVersion: 2,
        configurationHash: configurationHash(configuration),
        step: 0,
        seconds: 0,
        trainingSeconds: 0,
        measuringSeconds: 0,
        baseline: { new: { loss: NaN, tokens: 0 }, old: null, drift: null },
        baselineDocuments: [],
        watchedBaseline: null,
        guard: freshGuardState(),
        identityDifference: null,
        recent: [],
      };
      const session = new Session(job, engine, emit, {
        started,
        folder,
        shards,
        heldOut,
        model,
        base,
        optimizer,
        state: saved ?? fresh,
        recomputes: !keepsActivations,
      });
      if (saved) {
        if (restored.refused) emit({ type: 'warning', text: refusal(restored.refused, saved.step) });
        emit({ type: 'activity', text: `going on from step ${saved.step}` });
        session.#emitBaseline();
      } else {
        await session.#measureAndProve();
        if (configuration.guard?.action === 'roll-back') await session.#keepBest();
      }
      if (session.#guard) emit({ type: 'guard', events: session.#state.guard.events });
      session.#announce();
      session.#emitProgress(saved?.recent);
      return session;
    } catch (error) {
      for (const { heldOut } of past) await heldOut.close();
      await closeFiles(folder, shards);
      throw error;
    }
  }

  /** Before step 1: the losses everything is compared with, and the proof that the new blocks change nothing yet. */
  async #measureAndProve(): Promise<void> {
    this.#emit({ type: 'activity', text: 'measuring the base' });
    const { watched, whole } = await this.#measured(this.#base, () => this.#heldOut.whole(this.#engine, this.#base, () => null));
    this.#state.baseline = whole.evaluation;
    this.#state.baselineDocuments = whole.documents;
    if (watched !== whole) this.#state.watchedBaseline = watched;
    this.#emitBaseline();
    if (replacesBase(this.#configuration.method)) return;
    this.#emit({ type: 'activity', text: 'proving that what was added changes nothing yet' });
    const difference = await largestLogitDifference(this.#engine, this.#base, this.#model, this.#heldOut.first(IDENTITY_WINDOWS));
    this.#state.identityDifference = difference;
    if (difference !== 0) {
      throw new StrataError('INTERNAL', 'The model does not compute the same as its base before it is trained; nothing was trained.', {
        found: `a largest logit difference of ${difference}`,
        allowed: '0',
        hint: 'The base may hold infinite or undefined weights. Please report this with the model.',
      });
    }
  }

  /** The base on the windows that are measured again and again. */
  get #watchedBaseline(): Measured {
    const { baseline, baselineDocuments, watchedBaseline } = this.#state;
    return watchedBaseline ?? { evaluation: baseline, documents: baselineDocuments };
  }

  #emitBaseline(): void {
    const { baseline, baselineDocuments } = this.#state;
    this.#emit({ type: 'baseline', evaluation: baseline, watched: this.#watchedBaseline.evaluation, documents: baselineDocuments });
  }

  #announce(): void {
    const trainable = parametersOf(this.#model).filter((parameter) => parameter.variable !== null);
    this.#emit({
      type: 'prepared',
      engine: this.#engine.name,
      trainableTensors: trainable.map((parameter) => parameter.name),
      trainableParameters: trainable.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0),
      addedParameters: countParameters(this.#configuration.method, this.#folder.config).added,
      identityDifference: this.#state.identityDifference,
      step: this.#state.step,
    });
  }

  async run(requested: () => Control | null): Promise<TrainResult> {
    this.#emit({ type: 'activity', text: 'training' });
    let control: Control | null;
    try {
      this.#prefixes = this.#openPrefixes();
      control = this.#state.guard.hasEnded ? 'stop' : await this.#trainUntil(requested);
    } finally {
      this.#prefixes?.close();
      this.#emitProgress(); // however it ended, what was measured up to there belongs to the run's history
    }
    if (control === null || control === 'stop') return this.#finish();
    await this.#checkpoint();
    return this.#result(control === 'pause' ? 'paused' : 'interrupted', null, false);
  }

  /** Whether windows repeat follows from the configuration alone, whatever a guard does, so a resumed run computes as the undisturbed one. */
  #openPrefixes(): PrefixCache | null {
    const { steps, batch } = this.#configuration;
    if (openMixture(this.#configuration, this.#sources).repeatedShare(steps * batch) === 0 || lowestTrainedBlock(this.#model) === 0)
      return null;
    return new PrefixCache(this.#engine, this.#model, join(this.#job.runDirectory, PREFIX_FILE));
  }

  /** Trains step after step: to the end (null), or to what was asked for in between. */
  async #trainUntil(requested: () => Control | null): Promise<Control | null> {
    const { steps, batch, context, evaluation, checkpointEverySteps } = this.#configuration;
    let lastProgress = 0;
    while (this.#state.step < steps) {
      const control = requested();
      if (control !== null) return control;

      const step = this.#state.step + 1;
      const started = performance.now();
      const { loss, gradientNorm, learningRate } = await this.#step(step);
      const seconds = (performance.now() - started) / 1000;
      this.#state.step = step;
      this.#state.trainingSeconds += seconds;
      const points: MetricPoint[] = [
        { step, series: 'loss.train', value: loss },
        { step, series: 'learningRate', value: learningRate },
        { step, series: 'gradientNorm', value: gradientNorm },
        { step, series: 'tokensPerSecond', value: (batch * context) / seconds },
      ];
      this.#points.push(...points);
      this.#remember(points);
      if (performance.now() - lastProgress >= PROGRESS_INTERVAL_MS) {
        this.#emitProgress();
        lastProgress = performance.now();
      }
      if (step % evaluation.everySteps === 0 && step < steps) {
        const done = await this.#watch(step);
        if (done !== null) return done;
      }
      if (step % checkpointEverySteps === 0 && step < steps) await this.#checkpoint();
      // Control messages arrive between turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return null;
  }

  /** Measures on the way. @returns how the guard ends the session, if it does. */
  async #watch(step: number): Promise<Control | null> {
    const started = performance.now();
    const watched = await this.#measured(this.#model, () => this.#heldOut.watch(this.#engine, this.#model, this.#reference('watch')));
    this.#evaluationSeconds += (performance.now() - started) / 1000;
    this.#evaluations++;
    const { evaluation } = watched;
    this.#emit({ type: 'evaluation', step, evaluation, watched: evaluation, documents: null });
    this.#remember(evaluationPoints(step, evaluation));
    switch (await this.#judge(watched, false)) {
      case 'pause':
        return 'pause';
      case 'roll-back':
        return 'stop';
      default:
        return null;
    }
  }

  /** Lets the guard look at what was measured, and does what it says. @returns what it did. */
  async #judge(now: Measured, isEnd: boolean): Promise<GuardAction | null> {
    const { guard, step } = this.#state;
    if (!this.#guard || guard.hasEnded) return null;
    const { event, isWithin } = this.#guard.judge(guard, { step, baseline: this.#watchedBaseline, now, isEnd });
    const onNew = now.evaluation.new.loss;
    if (this.#configuration.guard!.action === 'roll-back' && isWithin && onNew < (guard.best?.loss ?? Infinity)) {
      guard.best = { step, loss: onNew };
      await this.#keepBest();
    }
    if (!event) return null;
    this.#emit({ type: 'guard', events: guard.events });
    if (event.action === 'raise-replay') this.#mixture = this.#openMixture();
    if (event.action === 'roll-back') await this.#rollBack();
    return event.action;
  }

  async #keepBest(): Promise<void> {
    await keepBest(this.#job.runDirectory, this.#engine, this.#optimizer, this.#state);
  }

  /** The weights, moments and step of the best state that kept the limit; what was measured since stays part of the run. */
  async #rollBack(): Promise<void> {
    this.#emitProgress();
    const best = await restoreBest(this.#job.runDirectory, this.#configuration, this.#engine, this.#optimizer);
    const { step, trainingSeconds } = best;
    this.#state = { ...this.#state, step, trainingSeconds };
  }

  async #step(step: number): Promise<{ loss: number; gradientNorm: number; learningRate: number }> {
    const { context, packing } = this.#configuration;
    const engine = this.#engine;
    const pieces = microBatches(step - 1, this.#configuration);
    const batches = pieces.map((range) => trainingBatch(this.#mixture, this.#shards, range, context, packing));
    const prefixes = this.#prefixes;
    const prefixOf = prefixes && ((piece: number) => prefixes.prefixOf(batches[piece]!, windowKeys(this.#mixture, pieces[piece]!)));
    const { loss, gradients } = await lossAndGradientsOfStep(engine, this.#model, batches, this.#recomputes, prefixOf);
    const learningRate = learningRateAt(step, this.#configuration) * this.#state.guard.rateFactor;
    try {
      const lossValue = (await engine.read(loss))[0]!;
      // What is wrong in the forward pass shows here first, with the gradients still at hand to say where.
      if (!Number.isFinite(lossValue)) {
        const message = `Training diverged at step ${step}: the loss is not finite.`;
        throw await this.#explain(message, `a training loss of ${lossValue}`, this.#model, gradients);
      }
      const gradientNorm = await this.#optimizer.update(gradients, learningRate, step).catch(async (error: unknown) => {
        if (!(error instanceof StrataError) || error.code !== 'DIVERGED') throw error;
        throw await this.#explain(error.message, error.found!, this.#model, gradients);
      });
      return { loss: lossValue, gradientNorm, learningRate };
    } finally {
      engine.dispose(loss, ...gradients.values());
    }
  }

  /** A divergence with the tensor that is to blame. Nothing of the step was applied, and no checkpoint is touched. */
  #explain(message: string, found: string, model: Llama, gradients: Gradients | null): Promise<StrataError> {
    return explainDivergence(this.#engine, model, { message, found, gradients }, this.#configuration);
  }

  /** A last measurement, then the model's folder. The checkpoint stays until the folder is complete. */
  async #finish(): Promise<TrainResult> {
    const isComplete = this.#state.step === this.#configuration.steps;
    await this.#checkpoint();
    this.#emit({ type: 'activity', text: 'measuring the result' });
    let { watched, whole } = await this.#measureResult();
    if ((await this.#judge(watched, true)) === 'roll-back') {
      await this.#checkpoint();
      ({ watched, whole } = await this.#measureResult());
    }
    const { step } = this.#state;
    this.#emit({ type: 'evaluation', step, evaluation: whole.evaluation, watched: watched.evaluation, documents: whole.documents });
    this.#emit({ type: 'activity', text: 'saving the model' });
    await saveTrainedModel({
      engine: this.#engine,
      folder: this.#folder,
      model: this.#model,
      configuration: this.#configuration,
      destination: this.#job.modelDirectory,
      run: this.#job.run ?? null,
      training: {
        steps: this.#state.step,
        tokens: this.#tokens().byDataset,
        ...gainAndForgetting(this.#state.baseline, whole.evaluation),
      },
    });
    await dropBest(this.#job.runDirectory);
    return this.#result(this.#state.guard.hasEnded || !isComplete ? 'stopped' : 'done', whole, true);
  }

  #measureResult(): Promise<{ watched: Measured; whole: Measured }> {
    return this.#measured(this.#model, () => this.#heldOut.whole(this.#engine, this.#model, this.#reference('whole')));
  }

  /**
   * On what the model is compared with its base, which costs a second forward pass: what is kept always, what is learned only of the result.
   */
  #reference(moment: 'watch' | 'whole'): Reference {
    if (this.#base === this.#model) return () => null;
    return (role) => (role === 'new' && moment === 'watch' ? null : this.#base);
  }

  /** Counts the time of a measurement. @throws StrataError DIVERGED when a loss is not finite. */
  async #measured<Result>(model: Llama, measure: () => Promise<Result>): Promise<Result> {
    const started = performance.now();
    try {
      return await measure();
    } catch (error) {
      if (!(error instanceof NotMeasurable)) throw error;
      throw await this.#explain(`A held-out loss could not be measured ${this.#moment()}.`, error.message, model, null);
    } finally {
      this.#state.measuringSeconds += (performance.now() - started) / 1000;
    }
  }

  #moment(): string {
    return this.#state.step === 0 ? 'before step 1' : `after step ${this.#state.step}`;
  }

  #remember(points: readonly MetricPoint[]): void {
    this.#state.recent = [...this.#state.recent, ...points].slice(-RECENT_POINTS);
  }

  async #checkpoint(): Promise<void> {
    this.#emitProgress(); // what a checkpoint has behind it is not measured again, so it must have been told
    const seconds = this.#secondsSoFar();
    await writeCheckpoint(this.#job.runDirectory, this.#engine, this.#optimizer, { ...this.#state, seconds });
    this.#emit({ type: 'checkpoint', step: this.#state.step });
  }

  #emitProgress(points: readonly MetricPoint[] = this.#points.splice(0)): void {
    if (points.length === 0) return;
    const { steps, evaluation } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    const evaluationsLeft = Math.floor(steps / evaluation.everySteps) - Math.floor(step / evaluation.everySteps) + 1;
    const secondsEach = this.#evaluations > 0 ? this.#evaluationSeconds / this.#evaluations : 0;
    this.#emit({
      type: 'progress',
      step,
      points: [...points],
      tokensPerSecond: this.#tokensPerSecond(),
      secondsLeft: (trainingSeconds / step) * (steps - step) + secondsEach * evaluationsLeft,
    });
  }

  #tokensPerSecond(): number {
    const { batch, context } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    return trainingSeconds > 0 ? (step * batch * context) / trainingSeconds : 0;
  }

  #secondsSoFar(): number {
    return this.#state.seconds + (performance.now() - this.#started) / 1000;
  }

  #tokens(): TrainResult['tokens'] {
    const { batch, context } = this.#configuration;
    const windows = this.#state.step * batch;
    return { total: windows * context, byDataset: tokensByDataset(this.#mixture, windows, context) };
  }

  #result(outcome: TrainResult['outcome'], final: Measured | null, saved: boolean): TrainResult {
    return {
      outcome,
      stepsDone: this.#state.step,
      tokens: this.#tokens(),
      seconds: this.#secondsSoFar(),
      tokensPerSecond: this.#tokensPerSecond(),
      repeatedShare: this.#mixture.repeatedShare(this.#state.step * this.#configuration.batch),
      measuringSeconds: this.#state.measuringSeconds,
      peakMemory: peakMemory(),
      final: final && final.evaluation,
      ...(final
        ? outcomeErrors(this.#configuration, this.#state.baselineDocuments, final.documents)
        : { gainError: null, forgettingError: null }),
      saved,
    };
  }

  async close(): Promise<void> {
    await closeFiles(this.#folder, this.#shards);
    this.#optimizer.dispose();
    if (replacesBase(this.#configuration.method) && this.#base !== this.#model) disposeLlama(this.#base);
    disposeLlama(this.#model);
  }
}

async function closeFiles(folder: ModelFolder, shards: readonly RunShards[]): Promise<void> {
  for (const { train, heldOut } of shards) {
    await train.close();
    await heldOut.close();
  }
  await folder.close();
}

function refusal(found: string, step: number): string {
  return `The newest checkpoint was damaged, so the run went on from the one before it, of step ${step}; the steps since then were trained again. Found: ${found}.`;
}

function checkPlanFits(configuration: RunConfiguration, folder: ModelFolder): void {
  const planned = planOf(configuration.method)?.baseBlocks;
  if (planned !== undefined && planned !== folder.config.blocks) {
    throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
      found: `a plan for ${planned} blocks; the model has ${folder.config.blocks}`,
      allowed: 'a plan made for this model',
    });
  }
}
