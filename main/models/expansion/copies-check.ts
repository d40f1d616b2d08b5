import { createHash } from 'node:crypto';
import { type Expansion, originOfTensor, presentPositions } from '../../../shared/domain/expansion.ts';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { blockOfTensor, llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import { planOf } from '../../../shared/domain/method.ts';
import { keptPositions } from '../../../shared/domain/plan.ts';
import { byteLength, type SafetensorsDtype } from '../safetensors.ts';
import { contradicts } from './disagreement.ts';
import { isZeroedInCopies } from './zeroed-tensors.ts';

/**
 * Blocks that a step inserted and nothing has trained since are copies still: by the recorded hashes their tensors are those of the block that they
 * copy, or zeros. So a position that the file has wrong, also one of an earlier step, is noticed without any of the models before.
 * @throws StrataError CORRUPT, with the tensor.
 */
export function checkCopies(expansion: Expansion, config: LlamaConfig): void {
  const { line, frozen, changed } = expansion;
  if (!frozen || !changed) return;
  const tensors = llamaTensors(config);
  for (const [index, { method, training }] of line.entries()) {
    const plan = planOf(method);
    if (!plan || training) continue;
    const own = keptPositions(plan);
    const isStill = (name: string): boolean => originOfTensor(expansion, index + 1, name) !== null;
    for (const { copies, position } of plan.inserted) {
      const [copy, source] = presentPositions(expansion, index, [position, own[copies]!]) as [number, number];
      for (const { name, shape } of tensors) {
        if (blockOfTensor(name) !== copy) continue;
        const from = name.replace(/layers\.\d+\./, `layers.${source}.`);
        const isZero = isZeroedInCopies(name);
        if (!isStill(name) || (!isZero && !isStill(from))) continue;
        const found = frozen[name] ?? changed[name]!;
        const allowed = isZero ? zeros(found.split(' ')[0] as SafetensorsDtype, shape) : (frozen[from] ?? changed[from]!);
        if (found === allowed) continue;
        throw contradicts(
          `${name}, which is not ${isZero ? 'zero' : from}, in a block that step ${index + 1} of the line inserted and nothing has trained`,
          `a copy of block ${source} at position ${copy}, with zeros where it writes into the residual stream`,
        );
      }
    }
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
