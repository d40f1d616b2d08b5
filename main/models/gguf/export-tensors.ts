import { type LlamaConfig, type RopeScaling } from '../../../shared/domain/llama-config.ts';
import { EMBEDDING_TENSOR, HEAD_TENSOR, llamaTensors, type NamedShape } from '../../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../../shared/errors.ts';
import { bf16ToFloat32, f16ToFloat32 } from '../float-formats.ts';
import type { ModelFolder } from '../model-folder.ts';
import { GGUF_TYPES } from './gguf-types.ts';
import { type GgufExportType, quantise } from './quantise.ts';
import { ggufTensor, ROPE_FACTORS_TENSOR } from './tensor-names.ts';
import type { GgufEntry } from './write-gguf.ts';

/** A tensor of a GGUF file with what it is made of. */
export interface GgufTensor extends GgufEntry {
  type: GgufExportType;
  /** The numbers before they were put into the type, in the file's order, in pieces that its blocks end with. */
  values: () => AsyncIterable<Float32Array>;
}

/**
 * The tensors of llama.cpp's `llama` architecture, read from a folder piece by piece. Norms, biases and factors of angles are always F32.
 * Matrices have the type asked for, with two exceptions: beside Q4_0 the embedding and the head are Q8_0, where four bits cost most; and
 * F16 stands for Q8_0 and Q4_0 where rows are not whole blocks of 32, as in llama.cpp's converter.
 */
export function ggufTensors(folder: ModelFolder, dtype: GgufExportType): GgufTensor[] {
  const { config } = folder;
  const tensors = llamaTensors(config).map((tensor): GgufTensor => {
    const { name, shape } = tensor;
    const type = typeOf(tensor, dtype);
    const values = (): AsyncIterable<Float32Array> => {
      const heads = headsOf(name, config);
      const pieces = floatPieces(folder, name);
      return heads === null ? pieces : neighbouringPairs(pieces, config.headSize, shape[1] ?? 1);
    };
    return { name: ggufTensor(name).name, shape, type, values, pieces: () => quantisedPieces(name, values(), type) };
  });
  const factors = config.ropeScaling?.type === 'llama3' ? ropeFactors(config, config.ropeScaling) : null;
  if (factors === null) return tensors;
  const values = async function* (): AsyncIterable<Float32Array> {
    yield await Promise.resolve(factors);
  };
  const shape = [factors.length];
  const name = ROPE_FACTORS_TENSOR;
  return [{ name, shape, type: 'F32', values, pieces: () => quantisedPieces(name, values(), 'F32') }, ...tensors];
}

function typeOf({ name, shape }: NamedShape, dtype: GgufExportType): GgufExportType {
  if (shape.length === 1) return 'F32';
  const isTable = name === EMBEDDING_TENSOR || name === HEAD_TENSOR;
  const type = isTable && dtype === 'Q4_0' ? 'Q8_0' : dtype;
  return shape.at(-1)! % GGUF_TYPES[type].elements === 0 ? type : 'F16';
}

/** The heads of a projection whose rows change places, biases too; null for all other tensors. */
function headsOf(name: string, { heads, keyValueHeads }: LlamaConfig): number | null {
  const { role } = ggufTensor(name);
  return role === 'query' ? heads : role === 'key' ? keyValueHeads : null;
}

/** Pieces of the folder's reader hold whole elements, and a multiple of 32 of them except at the end: blocks never lie across two. */
async function* floatPieces(folder: ModelFolder, name: string): AsyncIterable<Float32Array> {
  const dtype = folder.dtypeOf(name);
  for await (const bytes of folder.readPieces(name)) {
    if (dtype === 'F16') yield f16ToFloat32(bytes);
    else if (dtype === 'BF16') yield bf16ToFloat32(bytes);
    else yield new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }
}

/**
 * Hugging Face turns rows i and i + D/2 of a head as a pair, llama.cpp rows 2i and 2i + 1: the same function with the rows in another order
 * (`permute` of its converter). One head is gathered at a time.
 * @param width numbers in a row; 1 for a bias.
 */
async function* neighbouringPairs(pieces: AsyncIterable<Float32Array>, headSize: number, width: number): AsyncIterable<Float32Array> {
  const head = new Float32Array(headSize * width);
  let filled = 0;
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length;) {
      const part = piece.subarray(taken, taken + head.length - filled);
      head.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < head.length) continue;
      filled = 0;
      const paired = new Float32Array(head.length);
      for (let row = 0; row < headSize; row++) {
        const from = row % 2 === 0 ? row / 2 : headSize / 2 + (row - 1) / 2;
        paired.set(head.subarray(from * width, (from + 1) * width), row * width);
      }
      yield paired;
    }
  }
}

async function* quantisedPieces(name: string, values: AsyncIterable<Float32Array>, type: GgufExportType): AsyncIterable<Uint8Array> {
  for await (const piece of values) {
    refuseBeyond(name, piece, type);
    yield quantise(piece, type);
  }
}

/** What a type cannot hold any more, because the number or its block's scale becomes infinite. */
const BEYOND: Readonly<Record<GgufExportType, number>> = {
  F32: Infinity,
  F16: 65_520,
  BF16: 2 ** 128 - 2 ** 119,
  Q8_0: 127 * 65_520,
  Q4_0: 8 * 65_520,
};

function refuseBeyond(name: string, values: Float32Array, type: GgufExportType): void {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, Math.abs(values[index]!)); // NaN stays NaN
  if (largest < BEYOND[type]) return;
  const isFinite = Number.isFinite(largest);
  throw new StrataError('BAD_INPUT', isFinite ? `Tensor ${name} has numbers too large for ${type}.` : `Tensor ${name} is damaged.`, {
    found: isFinite ? String(largest) : 'weights that are not finite',
    allowed: isFinite ? `less than ${BEYOND[type]}` : 'finite weights',
    hint: isFinite ? 'Export as BF16 or F32.' : 'Its training may have diverged: export an earlier version of the model.',
  });
}

/**
 * What llama.cpp divides each pair's angle by, for the rotary positions of Llama 3.1: 1 for short wavelengths, the factor for long ones, and
 * a mix between.
 */
function ropeFactors({ headSize, ropeTheta }: LlamaConfig, scaling: RopeScaling & { type: 'llama3' }): Float32Array {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength: context } = scaling;
  return Float32Array.from({ length: headSize / 2 }, (_, pair) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * pair) / headSize);
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const share = (context / wavelength - low) / (high - low);
    return 1 / ((1 - share) / factor + share);
  });
}
