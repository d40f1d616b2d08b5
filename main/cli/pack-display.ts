import type { Composed, ModelPacks, PackProof } from '../../shared/contract/packs.ts';
import type { GateEvaluation } from '../../shared/domain/gate.ts';
import { change, count, duration, fields, loss, percent, shortCount, table } from './format.ts';

/** What `strata pack` says to people. */

export function describePacks({ model, packs, base, proof }: ModelPacks): string {
  if (packs.length === 0) return `"${model.name}" has no packs: no blocks were inserted into it.`;
  const rows = packs.map(({ number, name, positions, parameters, strength, training, isRemovable }) => [
    String(number),
    name ?? '-',
    positions.join(', '),
    shortCount(parameters),
    String(strength),
    training?.datasets.flatMap((each) => (each.role === 'new' ? [each.name] : [])).join(', ') || 'nothing',
    training ? change(training.gain) : '-',
    isRemovable ? 'yes' : 'no',
  ]);
  const held = packs.flatMap(({ number, reason }) => (reason ? [`Pack ${number} stays: ${reason}.`] : []));
  const without = base ? [`Without its packs it is "${base.name}", sha256 ${base.hash.slice(0, 16)}….`] : [];
  const proved = proof ? `Proved at ${proof.at}: ${proof.isProved ? 'yes' : 'NO'}.` : 'Not proved yet: strata pack prove.';
  const headings = ['pack', 'name', 'blocks', 'parameters', 'strength', 'learned', 'gain', 'removable'];
  return [table(headings, rows), '', ...held, ...without, proved].join('\n');
}

export function describeProof({ base, isProved, maxLogitDifference, tokens, tensors, engine, seconds }: PackProof): string {
  return fields([
    ['Without packs', isProved ? `exactly "${base.name}", to the last bit` : `NOT "${base.name}"`],
    ['Logits', `largest difference ${maxLogitDifference ?? 'not a number'} on ${count(tokens)} tokens`],
    [
      'Tensors',
      `${count(tensors.compared)} compared, ${tensors.different.length > 0 ? `different: ${tensors.different.join(', ')}` : 'none different'}`,
    ],
    ['Engine', `${engine}, ${duration(seconds)}`],
  ]);
}

export function describeComposed({ model, warnings }: Composed): string {
  return [`Made "${model.name}" (${model.id}): ${model.blocks} blocks, ${shortCount(model.parameters)} parameters.`, ...warnings].join(
    '\n',
  );
}

export function describeGate({ pack, results, seconds }: GateEvaluation): string {
  const rows = results.flatMap(({ tokens, figures }) =>
    figures.map(({ role, dataset, documents, accuracy, loss: losses, cost }) => [
      String(tokens),
      role,
      dataset,
      count(documents),
      `${percent(accuracy.value)}${accuracy.error === null ? '' : ` ±${percent(accuracy.error)}`}`,
      loss(losses.routed.value),
      loss(losses.always.value),
      loss(losses.never.value),
      `${change(cost.value)}${cost.error === null ? '' : ` ±${cost.error.toFixed(4)}`}`,
    ]),
  );
  const headings = ['tokens', 'role', 'dataset', 'documents', 'right way', 'loss routed', 'always', 'never', 'cost of routing'];
  return [
    table(headings, rows),
    '',
    `Gate of pack ${pack}, on held-out documents, losses after the first tokens; ${duration(seconds)}.`,
  ].join('\n');
}
