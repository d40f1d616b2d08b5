import { bestRateAtGain, commonGain, compareSeeds, type Group, groupsOf, type Order, spreadOf } from './analysis.ts';
import { armsFor } from './arms.ts';
import type { Subject } from './plan.ts';
import type { StudyRun } from './study.ts';
import { interval } from './words.ts';

/** What is claimed of block expansion, by the paper or of it, and what the runs of one subject say. */

export interface Verdict {
  claim: string;
  /** Who claims it, or asks. */
  source: string;
  /** What was measured, in a sentence with its figures. */
  measured: string;
  verdict: 'holds' | 'does not hold' | 'cannot tell';
}

const TABLE_5 = 'LLaMA Pro, table 5';
const ADEPT = 'ADEPT (arXiv 2510.10071)';
/** Asked of the authors, and not answered: github.com/TencentARC/LLaMA-Pro, issue 9. */
const ISSUE_9 = 'LLaMA Pro, issue 9';
/** What the paper does not compare: the same question, asked fairly. */
const FAIR = 'not compared there';

/** Verdicts on every claim for which the runs are there. */
export function verdictsOn(subject: Subject, runs: readonly StudyRun[]): Verdict[] {
  const onTarget = groupsOf(runs.filter(({ target }) => target === subject.target));
  const arms = new Map(armsFor(subject.blocks).map((arm) => [arm.key, arm]));
  /** An arm at its middle learning rate. */
  const group = (arm: string, replay = 0): Group | undefined =>
    onTarget.find((each) => each.arm === arm && each.replay === replay && each.learningRate === arms.get(arm)!.rates[1]);
  const sweep = (arm: string, replay = 0): Group[] => onTarget.filter((each) => each.arm === arm && each.replay === replay);
  const all = `expand-${subject.blocks}`;

  const ofGain = ({ runs: each }: Group): number[] => each.map(({ gain }) => gain);
  const ofForgetting = ({ runs: each }: Group): number[] => each.map(({ forgetting }) => forgetting);
  const verdicts: Verdict[] = [identityVerdict(runs)];
  /** At each arm's middle learning rate. */
  const compare = (source: string, claim: string, what: 'gain' | 'forgetting', a: string, b: string, expected: Order): void => {
    const [first, second] = [group(a), group(b)];
    if (!first || !second) return;
    const of = what === 'gain' ? ofGain : ofForgetting;
    const { order, difference } = compareSeeds(of(first), of(second));
    const measured = `${what} ${titles(a)} ${interval(spreadOf(of(first)))}, ${titles(b)} ${interval(spreadOf(of(second)))}; difference ${interval(difference)}`;
    verdicts.push({ claim, source, measured, verdict: verdictOf(order, expected) });
  };
  /** At the gain that both reached, each at the rate of its sweep that forgets least there. */
  const matched = (source: string, claim: string, a: string, b: string, expected: Order): void => {
    const [first, second] = [sweep(a), sweep(b)];
    if (first.length === 0 || second.length === 0) return;
    const gain = commonGain(first, second);
    const [atFirst, atSecond] = [bestRateAtGain(first, gain), bestRateAtGain(second, gain)];
    if (!atFirst || !atSecond) return;
    const { order, difference } = compareSeeds(atFirst.forgetting, atSecond.forgetting);
    const side = (arm: string, at: typeof atFirst): string =>
      `${titles(arm)} ${interval(spreadOf(at.forgetting))} (rate ${at.group.learningRate})`;
    const isOnePlan = difference.mean === 0 && difference.halfWidth === 0;
    const what = isOnePlan ? 'both put them after the same blocks here' : `difference ${interval(difference)}`;
    const measured = `forgetting at a gain of ${gain.toFixed(2)}: ${side(a, atFirst)}, ${side(b, atSecond)}; ${what}`;
    verdicts.push({ claim, source, measured, verdict: verdictOf(order, expected) });
  };
  const titles = (arm: string): string => arms.get(arm)!.title;

  compare(TABLE_5, 'More new blocks learn more: two more than one', 'gain', 'expand-2', 'expand-1', 'larger');
  if (subject.blocks > 2)
    compare(TABLE_5, `More new blocks learn more: ${subject.blocks} more than two`, 'gain', all, 'expand-2', 'larger');
  compare(TABLE_5, 'New blocks at the bottom forget most', 'forgetting', 'expand-2-bottom', 'expand-2', 'larger');
  compare(TABLE_5, 'New blocks at the bottom learn less than spread ones', 'gain', 'expand-2-bottom', 'expand-2', 'smaller');
  compare(TABLE_5, 'New blocks at the top forget less than spread ones', 'forgetting', 'expand-2-top', 'expand-2', 'smaller');
  compare(TABLE_5, 'New blocks at the top learn less than spread ones', 'gain', 'expand-2-top', 'expand-2', 'smaller');
  matched(ADEPT, 'New blocks where blocks matter least are better than spread ones (ADEPT)', 'expand-2-least', 'expand-2', 'smaller');
  compare(TABLE_5, 'Expansion forgets less than full training, each at its own rate', 'forgetting', all, 'full', 'smaller');
  matched(FAIR, 'Expansion forgets less than full training at equal gain', all, 'full', 'smaller');
  compare(TABLE_5, 'Expansion learns the domain better than full training', 'gain', all, 'full', 'larger');
  matched(ISSUE_9, 'New blocks are better than as many existing ones trained', 'expand-2', 'freeze-2', 'smaller');
  matched(ISSUE_9, 'New blocks at the top are better than the top ones trained', 'expand-2-top', 'freeze-2-top', 'smaller');
  compare(TABLE_5, 'LoRA learns less than expansion', 'gain', 'lora-4', all, 'smaller');
  compare(TABLE_5, 'LoRA forgets less than expansion', 'forgetting', 'lora-4', all, 'smaller');
  matched(FAIR, 'LoRA forgets less than expansion at equal gain', 'lora-16', all, 'smaller');
  for (const share of [0.05, 0.25]) {
    const [without, replayed] = [group(all), group(all, share)];
    if (without && replayed) verdicts.push(replayVerdict(share, without, replayed));
  }
  compareReplayed('Expansion with 5 % replay forgets less than full training with it', 0.05);
  compareReplayed('Expansion with 25 % replay forgets less than full training with it', 0.25);
  return verdicts;

  function compareReplayed(claim: string, share: number): void {
    const [expanded, full] = [group(all, share), group('full', share)];
    if (!expanded || !full) return;
    const { order, difference } = compareSeeds(ofForgetting(expanded), ofForgetting(full));
    const measured = `forgetting ${interval(spreadOf(ofForgetting(expanded)))} beside ${interval(spreadOf(ofForgetting(full)))}; difference ${interval(difference)}; gain ${interval(spreadOf(ofGain(expanded)))} beside ${interval(spreadOf(ofGain(full)))}`;
    verdicts.push({ claim, source: FAIR, measured, verdict: verdictOf(order, 'smaller') });
  }
}

function verdictOf(order: Order, expected: Order): Verdict['verdict'] {
  if (order === 'cannot tell') return 'cannot tell';
  return order === expected ? 'holds' : 'does not hold';
}

function identityVerdict(runs: readonly StudyRun[]): Verdict {
  const differences = runs.flatMap(({ identityDifference }) => identityDifference ?? []);
  const largest = Math.max(...differences);
  return {
    claim: 'An expanded model computes what its base does before it is trained',
    source: 'LLaMA Pro, section 3',
    measured: `largest difference of a logit ${largest} in ${differences.length} runs`,
    verdict: largest === 0 ? 'holds' : 'does not hold',
  };
}

/** Replay is the largest lever: a few percent take away about half of the forgetting, a quarter most of it. */
function replayVerdict(share: number, without: Group, replayed: Group): Verdict {
  const least = share < 0.1 ? 0.4 : 0.75;
  const kept = replayed.runs.map(({ forgetting }, index) => 1 - forgetting / without.runs[index]!.forgetting);
  const removed = spreadOf(kept);
  const isClear = removed.halfWidth !== null && Math.abs(removed.mean - least) > removed.halfWidth;
  return {
    source: 'Ibrahim et al. 2024',
    claim: `Replay of ${100 * share} % takes away at least ${100 * least} % of an expansion's forgetting`,
    measured: `${interval({ ...removed, mean: 100 * removed.mean, halfWidth: removed.halfWidth && 100 * removed.halfWidth }, 0)} % of it`,
    verdict: isClear ? (removed.mean > least ? 'holds' : 'does not hold') : 'cannot tell',
  };
}
