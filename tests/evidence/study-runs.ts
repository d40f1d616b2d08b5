import { plannedRuns, type Subject } from '../../main/evidence/plan.ts';
import type { StudyRun } from '../../main/evidence/study.ts';

export const subject: Subject = {
  key: 'tiny',
  title: 'Tiny',
  knows: 'stories',
  parameters: 1000,
  model: 'tiny',
  blocks: 4,
  old: 'old',
  target: 'code',
  rungs: ['stories', 'code'],
  budget: { batch: 2, context: 16, steps: 30 },
  measurements: 15,
  seeds: [1, 2, 3],
  sweeps: true,
  replay: [0.01, 0.05, 0.1, 0.25, 0.5],
};

/** Every planned run, with what a rule makes of it. */
export function trained(
  rule: (run: Pick<StudyRun, 'arm' | 'target' | 'replay' | 'learningRate' | 'seed'>) => { gain: number; forgetting: number },
): StudyRun[] {
  return plannedRuns(subject).map(({ request: _, ...planned }) => {
    const { gain, forgetting } = rule(planned);
    const course = [0, 0.5, 1].map((part) => ({ step: 30 * part, gain: part * gain, forgetting: part * part * forgetting }));
    const rest = {
      drift: forgetting,
      identityDifference: 0,
      trainableParameters: 1,
      baseline: { new: 6, old: 2 },
      engine: 'cpu',
      seconds: 1,
      measured: { tokens: 100, order: 'spread' as const },
    };
    return { ...planned, gain, forgetting, course, ...rest };
  });
}
