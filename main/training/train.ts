import { join } from 'node:path';
import type { GuardAction } from '../../shared/domain/guard.ts';
import { countParameters, replacesBase } from '../../shared/domain/method.ts';
import type { Mixture, MixtureSource } from '../../shared/domain/mixture.ts';
import { openMixture } from '../../shared/domain/mixture-open.ts';
import { type DrawnWindows, gainAndForgetting } from '../../shared/domain/run.ts';
import { words } from '../../shared/words/words.ts';
import { trainingWindows } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { lowestTrainedBlock } from '../llama/model.ts';
import { parametersOf } from '../llama/parameters.ts';
import { dropBest, keepBest, restoreBest, writeCheckpoint } from './checkpoint.ts';
import { drawnWindows } from './drawn-windows.ts';
import { evaluationPoints } from './evaluation.ts';
import type { Measured } from './held-out.ts';
import type { Control, TrainerEvent, TrainJob, TrainResult } from './messages.ts';
import { closeRun, type OpenRun, openRun } from './open-run.ts';
import { outcomeErrors } from './outcome-errors.ts';
import { PrefixCache } from './prefix-cache.ts';
import { peakMemory } from './process-memory.ts';
import { RunGuard } from './run-guard.ts';
import { lockRun } from './run-lock.ts';
import { RunMeasurements } from './run-measurements.ts';
import { RunProgress } from './run-progress.ts';
import { RunSamples } from './run-samples.ts';
import { saveTrainedModel } from './save-model.ts';
import { trainingStep } from './step.ts';
import { tokensByDataset } from './windows.ts';

/** In the run's folder, while it is trained: what frozen blocks make of its windows. */
const PREFIX_FILE = 'prefix.cache';

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
  const release = await lockRun(job.runDirectory, () => emit({ type: 'activity', text: words('said.waitingForTrainer') }));
  try {
    const run = await openRun(job, engine, emit);
    try {
      const session = new Session(run, emit);
      await session.begin();
      return await session.run(requested);
    } finally {
      await closeRun(run);
    }
  } finally {
    await release();
  }
}

/** The loop of a run: step after step, with measurements and checkpoints in between, to its result. */
class Session {
  readonly #run: OpenRun;
  readonly #emit: (event: TrainerEvent) => void;
  readonly #measurements: RunMeasurements;
  readonly #progress: RunProgress;
  readonly #guard: RunGuard | null;
  readonly #samples: RunSamples | null;
  readonly #sources: MixtureSource[];
  /** As the guard has made it so far. */
  #mixture: Mixture;
  /** While steps are trained, where windows come again and blocks below the first trained one are frozen. */
  #prefixes: PrefixCache | null = null;

  constructor(run: OpenRun, emit: (event: TrainerEvent) => void) {
    const { configuration, shards } = run;
    this.#run = run;
    this.#emit = emit;
    this.#measurements = new RunMeasurements(run);
    this.#samples = configuration.samples ? new RunSamples(run, configuration.samples, emit) : null;
    this.#progress = new RunProgress(run, { pauses: () => this.#pauses(), drawn: () => this.#drawn() }, emit);
    this.#guard = configuration.guard ? new RunGuard(configuration.guard, configuration) : null;
    this.#sources = shards.map(({ datasetId, role, train }) => ({
      datasetId,
      role,
      windows: trainingWindows(train.length, configuration.context),
    }));
    this.#mixture = this.#openMixture();
  }

  /** What the steps are interrupted by, and how long each time. */
  #pauses(): { everySteps: number; seconds: number }[] {
    const measuring = { everySteps: this.#run.configuration.evaluation.everySteps, seconds: this.#measurements.secondsEach };
    return this.#samples ? [measuring, { everySteps: this.#samples.everySteps, seconds: this.#samples.secondsEach }] : [measuring];
  }

  #drawn(): DrawnWindows {
    const { configuration, state } = this.#run;
    return drawnWindows(this.#mixture, state.step * configuration.batch, configuration);
  }

  /** With what the guard has raised so far. */
  #openMixture(): Mixture {
    const { configuration, state } = this.#run;
    const raises = state.guard.raises.map(({ step, replayShare }) => ({ position: step * configuration.batch, replayShare }));
    return openMixture(configuration, this.#sources, raises);
  }

  /** Tells where the run stands. Before step 1 that is measured, and that the new blocks change nothing yet is proved. */
  async begin(): Promise<void> {
    const { restored, state, configuration } = this.#run;
    if (restored) {
      if (restored.refused) this.#emit({ type: 'warning', text: refusal(restored.refused, state.step) });
      this.#emit({ type: 'activity', text: words('said.goingOn', { step: String(state.step) }) });
      this.#emitBaseline();
    } else {
      this.#emit({ type: 'activity', text: words('said.measuringBase') });
      await this.#measurements.base();
      this.#emitBaseline();
      if (!replacesBase(configuration.method)) {
        this.#emit({ type: 'activity', text: words('said.proving') });
        await this.#measurements.proveIdentity();
      }
      if (this.#samples) {
        this.#emit({ type: 'activity', text: words('said.baseWrites') });
        await this.#samples.base();
      }
      if (configuration.guard?.action === 'roll-back') await this.#keepBest();
    }
    if (this.#guard) this.#emit({ type: 'guard', events: state.guard.events });
    this.#announce();
    this.#samples?.tell();
    this.#progress.tell(restored?.state.recent);
  }

  #emitBaseline(): void {
    const { baseline, baselineDocuments } = this.#run.state;
    const watched = this.#measurements.watchedBaseline.evaluation;
    this.#emit({ type: 'baseline', evaluation: baseline, watched, documents: baselineDocuments });
  }

  #announce(): void {
    const { engine, model, configuration, folder, state } = this.#run;
    const trainable = parametersOf(model).filter((parameter) => parameter.variable !== null);
    this.#emit({
      type: 'prepared',
      engine: engine.name,
      trainableTensors: trainable.map((parameter) => parameter.name),
      trainableParameters: trainable.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0),
      addedParameters: countParameters(configuration.method, folder.config).added,
      identityDifference: state.identityDifference,
      step: state.step,
    });
  }

  async run(requested: () => Control | null): Promise<TrainResult> {
    this.#emit({ type: 'activity', text: words('said.training') });
    let control: Control | null;
    try {
      this.#prefixes = this.#openPrefixes();
      control = this.#run.state.guard.hasEnded ? 'stop' : await this.#trainUntil(requested);
    } finally {
      this.#prefixes?.close();
      this.#progress.tell(); // however it ended, what was measured up to there belongs to the run's history
    }
    if (control === null || control === 'stop') return this.#finish();
    await this.#checkpoint();
    return this.#result(control === 'pause' ? 'paused' : 'interrupted', null);
  }

  /** Whether windows repeat follows from the configuration alone, whatever a guard does, so a resumed run computes as the undisturbed one. */
  #openPrefixes(): PrefixCache | null {
    const { configuration, engine, model, job } = this.#run;
    const windows = configuration.steps * configuration.batch;
    if (openMixture(configuration, this.#sources).repeatedShare(windows) === 0 || lowestTrainedBlock(model) === 0) return null;
    return new PrefixCache(engine, model, join(job.runDirectory, PREFIX_FILE));
  }

  /** Trains step after step: to the end (null), or to what was asked for in between. */
  async #trainUntil(requested: () => Control | null): Promise<Control | null> {
    const { state, configuration } = this.#run;
    const { steps, evaluation, checkpointEverySteps } = configuration;
    while (state.step < steps) {
      const control = requested();
      if (control !== null) return control;

      const step = state.step + 1;
      const started = performance.now();
      const parts = { ...this.#run, mixture: this.#mixture, prefixes: this.#prefixes };
      const result = await trainingStep(parts, step, state.guard.rateFactor);
      this.#progress.stepDone(step, result, (performance.now() - started) / 1000);

      if (step % evaluation.everySteps === 0 && step < steps) {
        const done = await this.#watch(step);
        if (done !== null) return done;
      }
      if (this.#samples?.isDue(step) && step < steps) await this.#samples.write();
      if (step % checkpointEverySteps === 0 && step < steps) await this.#checkpoint();
      // Control messages arrive between turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return null;
  }

  /** Measures on the way. @returns how the guard ends the session, if it does. */
  async #watch(step: number): Promise<Control | null> {
    const watched = await this.#measurements.onTheWay();
    const { evaluation } = watched;
    this.#emit({ type: 'evaluation', step, evaluation, watched: evaluation, documents: null });
    this.#progress.remember(evaluationPoints(step, evaluation));
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
    const { configuration, state } = this.#run;
    const { guard, step } = state;
    if (!this.#guard || guard.hasEnded) return null;
    const { event, isWithin } = this.#guard.judge(guard, { step, baseline: this.#measurements.watchedBaseline, now, isEnd });
    const onNew = now.evaluation.new.loss;
    if (configuration.guard!.action === 'roll-back' && isWithin && onNew < (guard.best?.loss ?? Infinity)) {
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
    const { job, engine, optimizer, state } = this.#run;
    await keepBest(job.runDirectory, engine, optimizer, state);
  }

  /** The weights, moments and step of the best state that kept the limit; what was measured since stays part of the run. */
  async #rollBack(): Promise<void> {
    this.#progress.tell();
    const { job, configuration, engine, optimizer, state } = this.#run;
    const { step, trainingSeconds } = await restoreBest(job.runDirectory, configuration, engine, optimizer);
    Object.assign(state, { step, trainingSeconds });
  }

  async #checkpoint(): Promise<void> {
    this.#progress.tell(); // what a checkpoint has behind it is not measured again, so it must have been told
    const { job, engine, optimizer, state } = this.#run;
    await writeCheckpoint(job.runDirectory, engine, optimizer, { ...state, seconds: this.#secondsSoFar });
    this.#emit({ type: 'checkpoint', step: state.step });
  }

  /** A last measurement, then the model's folder. The checkpoint stays until the folder is complete. */
  async #finish(): Promise<TrainResult> {
    const { job, engine, folder, model, configuration, state } = this.#run;
    const isComplete = state.step === configuration.steps;
    await this.#checkpoint();
    this.#emit({ type: 'activity', text: words('said.measuringResult') });
    let { watched, whole } = await this.#measurements.result();
    if ((await this.#judge(watched, true)) === 'roll-back') {
      await this.#checkpoint();
      ({ watched, whole } = await this.#measurements.result());
    }
    const { step } = state;
    this.#emit({ type: 'evaluation', step, evaluation: whole.evaluation, watched: watched.evaluation, documents: whole.documents });
    if (this.#samples) {
      this.#emit({ type: 'activity', text: words('said.modelWrites') });
      await this.#samples.write();
    }
    this.#emit({ type: 'activity', text: words('said.savingModel') });
    await saveTrainedModel({
      engine,
      folder,
      model,
      configuration,
      destination: job.modelDirectory,
      run: job.run ?? null,
      training: { steps: step, tokens: this.#tokens.byDataset, ...gainAndForgetting(state.baseline, whole.evaluation) },
    });
    await dropBest(job.runDirectory);
    return this.#result(state.guard.hasEnded || !isComplete ? 'stopped' : 'done', whole);
  }

  /** @param final what was measured of the model that was saved; null when none was. */
  #result(outcome: TrainResult['outcome'], final: Measured | null): TrainResult {
    const { configuration, state } = this.#run;
    return {
      outcome,
      stepsDone: state.step,
      tokens: this.#tokens,
      seconds: this.#secondsSoFar,
      tokensPerSecond: this.#progress.tokensPerSecond,
      repeatedShare: this.#mixture.repeatedShare(state.step * configuration.batch),
      measuringSeconds: state.measuringSeconds,
      samplingSeconds: state.samplingSeconds,
      peakMemory: peakMemory(),
      final: final && final.evaluation,
      ...(final ? outcomeErrors(configuration, state.baselineDocuments, final.documents) : { gainError: null, forgettingError: null }),
      saved: final !== null,
    };
  }

  get #secondsSoFar(): number {
    const { state, started } = this.#run;
    return state.seconds + (performance.now() - started) / 1000;
  }

  get #tokens(): TrainResult['tokens'] {
    const { configuration, state } = this.#run;
    const windows = state.step * configuration.batch;
    return { total: windows * configuration.context, byDataset: tokensByDataset(this.#mixture, windows, configuration.context) };
  }
}

function refusal(found: string, step: number): string {
  return words('said.checkpointDamaged', { step: String(step), found });
}
