import { describe, expect, it } from 'vitest';
import { evaluationFlops, trainingFlops } from '../../shared/domain/cost.ts';
import { type BudgetRequest, measurementFlops, planEvaluation } from '../../shared/domain/evaluation-budget.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { tinyConfig } from '../support/tiny-llama.ts';

const request = (changes: Partial<BudgetRequest> = {}): BudgetRequest => ({
  config: tinyConfig,
  method: { name: 'full' },
  context: 256,
  steps: 1000,
  batch: 8,
  heldOut: { new: 1e6, kept: [1e6, 0] },
  ...changes,
});

/** Of the whole run's operations, those of measuring. */
function shareOf(asked: BudgetRequest): number {
  const { evaluations, tokens, tokensAtEnds } = planEvaluation(asked);
  const { between, ends } = measurementFlops(asked);
  const measured = evaluations * between(tokens) + ends(tokensAtEnds);
  return measured / (measured + asked.steps * asked.batch * asked.context * trainingFlops(asked));
}

describe('how much is measured', () => {
  it('costs a tenth of a run at most, and of a long one as much as is of use', () => {
    for (const steps of [300, 1000, 5000, 100_000]) expect(shareOf(request({ steps })), `${steps} steps`).toBeLessThanOrEqual(0.1001);
    expect(shareOf(request({ steps: 1000 }))).toBeGreaterThan(0.05);
    expect(planEvaluation(request({ steps: 1e6 }))).toEqual({ evaluations: 20, tokens: 8192, tokensAtEnds: 131_072 });
  });

  it('is in a short run the least that says something', () => {
    expect(planEvaluation(request({ steps: 10 }))).toEqual({ evaluations: 5, tokens: 1024, tokensAtEnds: 4096 });
  });

  it('is the same for runs of one length that differ by a block, so that they can be compared', () => {
    const config = { ...tinyConfig, blocks: 24 };
    const plans = [6, 7, 8].map((blocks) =>
      planEvaluation(request({ config, method: { name: 'expand', plan: planExpansion(24, blocks, 'even') }, steps: 400 })),
    );
    expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBe(1);
  });

  it('counts what there is to measure: little data is measured whole', () => {
    const little = request({ steps: 200, heldOut: { new: 900, kept: [900, 900] } });
    expect(planEvaluation(little).tokensAtEnds).toBe(131_072);
    expect(measurementFlops(little).ends(131_072)).toBe(measurementFlops(little).ends(900));
  });

  it('costs what its tokens cost forward, twice where there is a base beside', () => {
    const asked = request({ heldOut: { new: 100, kept: [50, 20] } });
    const [alone, beside] = [evaluationFlops(asked, false), evaluationFlops(asked, true)];
    expect(measurementFlops(asked).between(60)).toBeCloseTo(60 * alone + 70 * beside, 3);
    expect(measurementFlops(asked).ends(1000)).toBeCloseTo(170 * (alone + beside), 3);
  });
});
