import { createHash } from 'node:crypto';
import { type Expansion, sourceOfTensor } from '../../../shared/domain/expansion.ts';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { blockOfTensor, llamaTensors, type NamedShape } from '../../../shared/domain/llama-tensors.ts';
import { planOf } from '../../../shared/domain/method.ts';
import { type ExpansionPlan, keptPositions } from '../../../shared/domain/plan.ts';
import { byteLength, type SafetensorsDtype } from '../safetensors.ts';
import { contradicts } from './disagreement.ts';
import { isZeroedInCopies } from './zeroed-tensors.ts';

/**
 * Blocks that a step inserted and nothing has trained since are copies still: by the recorded hashes their tensors are those of the block that they
 * copy, or zeros. So a position that the file has wrong, also one of an earlier step, is noticed without any of the models before.
 * @throws StrataError CORRUPT, with the tensor.
 */
export function checkCopies({ line, frozen, changed }: Expansion, config: LlamaConfig): void {
  if (!frozen || !changed) return;
  // From the last step back: for each tensor of the model that came of a step what it is called now, as long as no later step has changed it.
  let present = new Map(llamaTensors(config).map(({ name, shape }) => [name, { name, shape }]));
  for (const [index, step] of [...line.entries()].reverse()) {
    const plan = planOf(step.method);
    if (plan && !step.training && !step.composition) checkStep(plan, index, present, { ...frozen, ...changed });
    const sourceOf = sourceOfTensor(step.method);
    present = new Map(
      [...present].flatMap(([name, tensor]) => {
        const source = sourceOf(name);
        return source === null ? [] : [[source, tensor] as const];
      }),
    );
  }
}

function checkStep(
  plan: ExpansionPlan,
  index: number,
  present: ReadonlyMap<string, NamedShape>,
  recorded: Readonly<Record<string, string>>,
): void {
  const own = keptPositions(plan);
  const copied = new Map(plan.inserted.map(({ copies, position }) => [position, own[copies]!]));
  for (const [name, tensor] of present) {
    const position = blockOfTensor(name) ?? -1;
    const source = copied.get(position);
    if (source === undefined) continue;
    const isZero = isZeroedInCopies(name);
    const from = present.get(name.replace(/layers\.\d+\./, `layers.${source}.`));
    const found = recorded[tensor.name]!;
    const allowed = isZero ? zeros(found.split(' ')[0] as SafetensorsDtype, tensor.shape) : from && recorded[from.name];
    if (allowed === undefined || found === allowed) continue; // what it copies was trained since, or is the same
    throw contradicts(
      `${tensor.name}, which is not ${isZero ? 'zero' : from!.name}, in a block that step ${index + 1} of the line inserted and nothing has trained`,
      `a copy of block ${source} at position ${position} of that step's model, with zeros where it writes into the residual stream`,
    );
  }
}

/** What is recorded of a tensor of zeros. The blocks of a model have two or three sizes, and each is hashed once. */
const ZEROS = new Map<number, string>();
const PIECE = new Uint8Array(2 ** 20);

function zeros(dtype: SafetensorsDtype, shape: readonly number[]): string {
  const bytes = byteLength(shape, dtype);
  const known = ZEROS.get(bytes) ?? hashOfZeros(bytes);
  ZEROS.set(bytes, known);
  return `${dtype} ${known}`;
}

function hashOfZeros(bytes: number): string {
  const hash = createHash('sha256');
  for (let done = 0; done < bytes; done += PIECE.length) hash.update(PIECE.subarray(0, Math.min(PIECE.length, bytes - done)));
  return hash.digest('hex');
}
