import type { TrainRequest } from '../../shared/contract/training.ts';
import { type Arm, armsFor, MIXED_ARMS } from './arms.ts';

/** The runs of the study, by name: what is in the workspace under that name is not trained again. */

/** A base with what it knew and what it is to learn, by their names in the workspace. */
export interface Subject {
  key: string;
  model: string;
  /** For a reader. */
  title: string;
  knows: string;
  parameters: number;
  blocks: number;
  old: string;
  /** For the claims of the paper. */
  target: string;
  /** For the ladder, as the study's author would order them; what they are told by is their measured distance. */
  rungs: readonly string[];
  /** What each run trains on: windows of so many tokens, so many a step, so many steps. */
  budget: Pick<TrainRequest, 'batch' | 'context' | 'steps'>;
  /** Along a run, so that it can be read at another run's gain. */
  measurements: number;
  seeds: readonly number[];
  /** Without, every arm has its middle learning rate. */
  sweeps: boolean;
  /** Shares of old tokens that are tried beside none. */
  replay: readonly number[];
}

export interface PlannedRun {
  name: string;
  subject: string;
  arm: string;
  target: string;
  replay: number;
  learningRate: number;
  seed: number;
  request: TrainRequest;
}

/** Ibrahim et al. 2024 (arXiv 2403.08763) recommend 5 % for near data, 25 % for far. */
export const RECOMMENDED_SHARES = [0.05, 0.25] as const;
const LADDER_SHARES = [0, ...RECOMMENDED_SHARES] as const;

/** Held-out tokens of each role: what differs between runs is measured on the same ones. */
const EVALUATION_TOKENS = 8192;

/** Every run of a subject, those that more questions share only once. */
export function plannedRuns(subject: Subject): PlannedRun[] {
  const arms = armsFor(subject.blocks);
  const mixed = arms.filter(({ key }) => MIXED_ARMS(subject.blocks).includes(key));
  const runs = new Map<string, PlannedRun>();
  const add = (arm: Arm, target: string, replay: number, learningRate: number): void => {
    for (const seed of subject.seeds) {
      const run = plannedRun(subject, arm, { target, replay, learningRate, seed });
      runs.set(run.name, run);
    }
  };
  for (const arm of arms) for (const rate of subject.sweeps ? arm.rates : [arm.rates[1]]) add(arm, subject.target, 0, rate);
  for (const arm of mixed) for (const share of subject.replay) add(arm, subject.target, share, arm.rates[1]);
  for (const rung of subject.rungs) {
    for (const arm of mixed) for (const share of LADDER_SHARES) add(arm, rung, share, arm.rates[1]);
  }
  return [...runs.values()];
}

function plannedRun(
  subject: Subject,
  arm: Arm,
  { target, replay, learningRate, seed }: Pick<PlannedRun, 'target' | 'replay' | 'learningRate' | 'seed'>,
): PlannedRun {
  const name = `${subject.key} / ${target} / ${arm.key} / replay ${100 * replay} % / lr ${learningRate} / seed ${seed}`;
  const request: TrainRequest = {
    ...subject.budget,
    ...arm.method,
    name,
    model: subject.model,
    newDatasets: [target],
    oldDatasets: [subject.old],
    replayShare: replay,
    learningRate,
    seed,
    advanced: {
      evaluateEvery: Math.max(1, Math.ceil(subject.budget.steps! / subject.measurements)),
      evaluationTokens: EVALUATION_TOKENS,
      // Runs of seconds are begun again rather than gone on with.
      checkpointEvery: subject.budget.steps!,
    },
  };
  return { name, subject: subject.key, arm: arm.key, target, replay, learningRate, seed, request };
}
