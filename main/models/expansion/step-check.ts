import type { ExpansionStep } from '../../../shared/domain/expansion.ts';
import { leastImportantFirst } from '../../../shared/domain/importance.ts';
import { planOf } from '../../../shared/domain/method.ts';
import type { ExpansionPlan } from '../../../shared/domain/plan.ts';
import { contradicts } from './disagreement.ts';

/**
 * What each step of a line says of itself must be possible, the earlier ones' as well as the last one's: nothing else tells where an earlier step
 * put its blocks when the model that it started from is not at hand.
 * @param blocks of the model that the line leads to; the steps' numbers of blocks must follow from each other.
 * @throws StrataError CORRUPT, with the step.
 */
export function checkSteps(line: readonly ExpansionStep[], blocks: number): void {
  const after = blocksAfter(line, blocks);
  for (const [index, step] of line.entries()) {
    const plan = planOf(step.method);
    const where = line.length > 1 ? ` in step ${index + 1} of the line` : '';
    if (plan) checkPlan(plan, where);
    if (plan && step.importance) checkImportance(plan, step, where);
    if (step.composition) checkComposition(step, where);
    checkTrainedBlocks(step, after[index]!, where);
  }
}

/** Blocks of the model that came of each step. */
function blocksAfter(line: readonly ExpansionStep[], blocks: number): number[] {
  let present = blocks;
  return line
    .toReversed()
    .map(({ method }) => {
      const after = present;
      present = planOf(method)?.baseBlocks ?? present;
      return after;
    })
    .reverse();
}

/** A copy stands behind its block and behind all copies before it, so that its position follows from what was inserted where. */
function checkPlan({ baseBlocks, inserted }: ExpansionPlan, where: string): void {
  const positions = inserted.map(({ position }) => position);
  const allowed = `copies of blocks 0 to ${baseBlocks - 1}, each once, in the order of their positions`;
  if (new Set(positions).size < positions.length) throw contradicts(`positions ${positions.join(', ')}${where}`, allowed);
  const wrong = inserted.find(
    ({ after, copies, position }, index) =>
      position !== after + 1 + index || after < (inserted[index - 1]?.after ?? 0) || after >= baseBlocks || copies >= baseBlocks,
  );
  if (!wrong) return;
  throw contradicts(`a copy of block ${wrong.copies} after block ${wrong.after}, at position ${wrong.position}${where}`, allowed);
}

/** The table by which blocks were placed is that of the step's base, and gives these places and no others. */
function checkImportance(plan: ExpansionPlan, { base, importance }: ExpansionStep, where: string): void {
  const { modelHash, blocks } = importance!;
  if (modelHash !== base.hash) {
    throw contradicts(`a table of importance of the model ${short(modelHash)}${where}`, `that of its base, ${short(base.hash)}`);
  }
  if (blocks.length !== plan.baseBlocks || blocks.some(({ block }, index) => block !== index)) {
    throw contradicts(
      `a table of importance of ${blocks.length} blocks${where}`,
      `one line for each of the base's ${plan.baseBlocks} blocks`,
    );
  }
  const order = leastImportantFirst(blocks);
  const wanted = plan.inserted.map((_, index) => order[index % order.length]!).sort((a, b) => a - b);
  const wrong = plan.inserted.findIndex(({ after, copies }, index) => after !== wanted[index] || copies !== wanted[index]);
  if (wrong === -1) return;
  const { after, copies } = plan.inserted[wrong]!;
  throw contradicts(
    `a copy of block ${copies} after block ${after}${where}`,
    `copies of the blocks that matter least by its own table: after ${wanted.join(', ')}`,
  );
}

/** Each inserted block of a composition is of one of its packs. */
function checkComposition({ method, composition, training }: ExpansionStep, where: string): void {
  const inserted = planOf(method)?.inserted.map(({ position }) => position) ?? [];
  const named = composition!.flatMap(({ positions }) => positions).sort((a, b) => a - b);
  if (training) throw contradicts(`packs that were put together and a training${where}`, 'one of the two');
  if (named.join() === inserted.join()) return;
  throw contradicts(`packs with the blocks ${named.join(', ')}${where}`, `each inserted block once: ${inserted.join(', ') || 'none'}`);
}

/** Blocks that a step trained are counted in the model that came of it. */
function checkTrainedBlocks({ method }: ExpansionStep, blocks: number, where: string): void {
  const wrong = method.name === 'freeze' ? method.blocks.find((block) => block >= blocks) : undefined;
  if (wrong !== undefined) throw contradicts(`block ${wrong} was trained${where}`, `blocks 0 to ${blocks - 1}`);
}

function short(hash: string): string {
  return `${hash.slice(0, 12)}…`;
}
