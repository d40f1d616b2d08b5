import { describe, expect, it } from 'vitest';
import { type LearningRate, learningRateAt } from '../../main/llama/schedule.ts';

const common = { learningRate: 1, steps: 20, warmup: 0.2, finalLearningRate: 0 };
const ratesOf = (course: LearningRate): number[] => Array.from({ length: course.steps }, (_, index) => learningRateAt(index + 1, course));

describe('the cosine', () => {
  it('rises linearly, peaks at the end of the warm-up, and falls along a half cosine to its final fraction', () => {
    const course = { learningRate: 2, steps: 100, warmup: 0.1, schedule: { name: 'cosine' as const }, finalLearningRate: 0.1 };
    expect(learningRateAt(1, course)).toBeCloseTo(0.2);
    expect(learningRateAt(10, course)).toBe(2);
    expect(learningRateAt(55, course)).toBeCloseTo(2 * (0.1 + 0.9 / 2));
    expect(learningRateAt(100, course)).toBeCloseTo(0.2);
  });

  it('is that of PyTorch', () => {
    // torch 2.13: SequentialLR of LinearLR(start_factor=1/4, total_iters=3) and CosineAnnealingLR(T_max=16, eta_min=0.1), milestone 3.
    const torch = [
      0.25, 0.5, 0.75, 1.0, 0.9913533761814537, 0.9657457896300791, 0.9241613255361455, 0.8681980515339465, 0.800006604858821,
      0.7222075445642905, 0.6377906449072578, 0.55, 0.4622093550927424, 0.3777924554357097, 0.2999933951411792, 0.23180194846605368,
      0.17583867446385462, 0.13425421036992097, 0.10864662381854631, 0.1,
    ];
    const rates = ratesOf({ ...common, schedule: { name: 'cosine' }, finalLearningRate: 0.1 });
    for (const [index, rate] of rates.entries()) expect(rate).toBeCloseTo(torch[index]!, 12);
  });
});

describe('warm-up, stable, decay', () => {
  // transformers 4.57: get_wsd_schedule(num_warmup_steps=4, num_decay_steps=5, num_training_steps=20), after each scheduler.step().
  const stable = [0.25, 0.5, 0.75, ...Array.from({ length: 12 }, () => 1)];
  it.each([
    ['linear' as const, [...stable, 0.8, 0.6, 0.4, 0.2, 0]],
    ['1-sqrt' as const, [...stable, 0.5527864045000421, 0.3675444679663241, 0.2254033307585166, 0.10557280900008414, 0]],
  ])('%s is that of transformers', (shape, wanted) => {
    const rates = ratesOf({ ...common, schedule: { name: 'wsd', decay: 0.25, shape } });
    for (const [index, rate] of rates.entries()) expect(rate).toBeCloseTo(wanted[index]!, 12);
  });

  it.each([
    ['linear' as const, (progress: number) => 1 - progress],
    ['1-sqrt' as const, (progress: number) => 1 - Math.sqrt(progress)],
  ])('%s ends at the final fraction, by its closed form', (shape, height) => {
    const course: LearningRate = {
      learningRate: 3,
      steps: 1000,
      warmup: 0.01,
      schedule: { name: 'wsd', decay: 0.2, shape },
      finalLearningRate: 0.1,
    };
    for (const step of [11, 400, 800]) expect(learningRateAt(step, course)).toBe(3);
    for (const step of [801, 850, 999, 1000]) {
      expect(learningRateAt(step, course)).toBeCloseTo(3 * (0.1 + 0.9 * height((step - 800) / 200)), 12);
    }
  });

  it('has no more decay than the warm-up leaves steps for', () => {
    const course: LearningRate = { ...common, steps: 3, warmup: 0.5, schedule: { name: 'wsd', decay: 0.5, shape: 'linear' } };
    expect(ratesOf(course)).toEqual([0.5, 1, 0]);
    expect(ratesOf({ ...course, steps: 1 })).toEqual([1]);
  });
});
