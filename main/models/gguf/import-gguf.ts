import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LlamaConfig } from '../../../shared/domain/llama-config.ts';
import { llamaTensors, type NamedShape } from '../../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../../shared/errors.ts';
import { configText } from '../config-text.ts';
import { parseModelConfig, toHuggingFaceConfig } from '../model-config.ts';
import { byteLength, PIECE_BYTES, type SafetensorsDtype, type SafetensorsEntry, writeSafetensors, zeroPieces } from '../safetensors.ts';
import { ggufConfig } from './config-from-metadata.ts';
import { dequantise } from './dequantise.ts';
import { GGUF_TYPES, type GgufTypeName } from './gguf-types.ts';
import { GgufFields } from './metadata-fields.ts';
import { type GgufFile, openGguf } from './read-gguf.ts';
import { ggufTensor, ROPE_FACTORS_TENSOR } from './tensor-names.ts';
import { ggufTokenizer } from './tokenizer-from-metadata.ts';

export { isGguf } from './read-gguf.ts';

/**
 * Writes a Hugging Face folder for a LLaMA in a GGUF file: config.json, model.safetensors, tokenizer.json, tokenizer_config.json with the chat
 * template, generation_config.json and a README.md with name and licence. F32, F16 and BF16 stay as they are; quantised tensors become F32, the
 * only one of the three that holds their values exactly. One piece of a tensor is in memory at a time.
 * @returns what the user should know of the file, in sentences.
 * @throws StrataError UNSUPPORTED for another architecture, variant or tokenizer, by name; CORRUPT for a damaged file.
 */
export async function writeGgufFolder(path: string, destination: string): Promise<string[]> {
  const file = await openGguf(path);
  try {
    const config = await ggufConfig(file);
    const dtype = mainDtype(file);
    const configJson = toHuggingFaceConfig(config, {}, dtype);
    parseModelConfig(configJson); // refuses impossible sizes before tensors are listed
    const tensors = llamaTensors(config);
    checkTensors(file, tensors);
    const tokenizer = ggufTokenizer(file, config.vocabularySize, config.contextLength);
    const entries = tensors.map((tensor) => entryOf(file, config, tensor));
    await writeSafetensors(join(destination, 'model.safetensors'), entries, { format: 'pt' });
    const files = {
      'config.json': configText(configJson),
      'tokenizer.json': JSON.stringify(tokenizer.json) + '\n',
      'tokenizer_config.json': pretty(tokenizer.settings),
      'generation_config.json': pretty(tokenizer.generation),
      'README.md': readme(file),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(destination, name), text);
    return notesOn(tokenizer.tokens, config.vocabularySize);
  } finally {
    await file.close();
  }
}

function notesOn(tokens: number, rows: number): string[] {
  if (tokens === rows) return [];
  return [
    `The file names ${tokens} tokens, and its embedding has ${rows} rows: the last ${rows - tokens} have no text. No text becomes one of them, and ` +
      'where the model writes one, nothing is shown. llama.cpp refuses such a file.',
  ];
}

function pretty(json: object): string {
  return JSON.stringify(json, null, 2) + '\n';
}

/** What the tensors are stored as: quantised ones as the 32-bit floats that they stand for. */
function storedAs(type: GgufTypeName): SafetensorsDtype & ('F32' | 'F16' | 'BF16') {
  return type === 'F16' || type === 'BF16' ? type : 'F32';
}

const CONFIG_DTYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** What config.json calls the weights: the type of the matrices, where all have the same. */
function mainDtype({ tensors }: GgufFile): 'float32' | 'float16' | 'bfloat16' {
  const dtypes = new Set([...tensors.values()].filter(({ shape }) => shape.length > 1).map(({ type }) => storedAs(type)));
  const [only] = dtypes;
  return dtypes.size === 1 && only ? CONFIG_DTYPES[only] : 'float32';
}

/** Tables of rotary angles that some converters store for each block; they are computed, not read. */
const IGNORED = /^blk\.\d+\.attn_rot_embd(\.weight)?$/;

function checkTensors({ path, tensors }: GgufFile, expected: readonly NamedShape[]): void {
  const known = new Set([ROPE_FACTORS_TENSOR]);
  const missing: string[] = [];
  for (const { name, shape } of expected) {
    const { name: stored } = ggufTensor(name);
    known.add(stored);
    const found = tensors.get(stored);
    if (!found && !stored.endsWith('.bias')) missing.push(stored);
    if (found && found.shape.join() !== shape.join()) {
      throw new StrataError('CORRUPT', `Tensor ${stored} has the wrong shape.`, {
        found: `${stored} of shape [${found.shape.join(', ')}] in ${path}`,
        allowed: `[${shape.join(', ')}], as the metadata says`,
        hint: 'Download the file again, or convert the original model again with a current program.',
      });
    }
  }
  if (missing.length > 0) {
    throw new StrataError('CORRUPT', 'The model is not complete: tensors are missing.', {
      found: `no ${some(missing)} in ${path}`,
      allowed: `the ${expected.length} tensors that the metadata asks for`,
      hint: 'Download the file again, or convert the original model again.',
    });
  }
  const extra = [...tensors.keys()].filter((name) => !known.has(name) && !IGNORED.test(name));
  if (extra.length > 0) {
    // A LLaMA's own tensors of further blocks: the file contradicts itself. Others: another kind of model.
    const areBlocks = extra.every((name) => known.has(name.replace(/^blk\.\d+\./, 'blk.0.')));
    throw areBlocks
      ? new StrataError('CORRUPT', 'The model has more blocks than its metadata says.', {
          found: some(extra),
          allowed: `the ${expected.length} tensors that the metadata asks for`,
          hint: 'Download the file again, or convert the original model again.',
        })
      : new StrataError('UNSUPPORTED', 'The model has tensors that Strata does not know in a LLaMA.', {
          found: some(extra),
          allowed: 'the tensors of a LLaMA: embedding, head, norms, attention and MLP with their biases, rope_freqs.weight',
          hint: 'Computing without them would give other results.',
        });
  }
}

function some(names: readonly string[]): string {
  return names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}

function entryOf(file: GgufFile, { heads, keyValueHeads, headSize }: LlamaConfig, { name, shape }: NamedShape): SafetensorsEntry {
  const { name: stored, role } = ggufTensor(name);
  const type = file.tensors.get(stored)?.type;
  // A matrix without the bias that its neighbours have.
  if (type === undefined) return { name, shape, dtype: 'F32', data: () => zeroPieces(byteLength(shape, 'F32')) };
  const turned = role === 'query' ? heads : role === 'key' ? keyValueHeads : null;
  return { name, shape, dtype: storedAs(type), data: () => pieces(file, stored, turned === null ? null : headSize) };
}

/** A tensor's bytes as they are to be stored, some whole rows at a time; of projections that positions turn, whole heads with their rows in order. */
async function* pieces(file: GgufFile, name: string, headSize: number | null): AsyncIterable<Uint8Array> {
  const { type, shape } = file.tensors.get(name)!;
  const width = shape.length === 1 ? 1 : shape[1]!;
  const rowBytes = byteLength([width], storedAs(type));
  const inOrder = (bytes: Uint8Array): Uint8Array => (headSize === null ? bytes : toHalfSplit(bytes, headSize, rowBytes));
  if (shape.length === 1) {
    yield inOrder(finite(name, storedBytes(type, await file.readBytes(name)), storedAs(type)));
    return;
  }
  const unit = headSize ?? 1;
  const rows = Math.max(1, Math.floor(PIECE_BYTES / (unit * rowBytes))) * unit;
  for (let first = 0; first < shape[0]!; first += rows) {
    const bytes = await file.readRows(name, first, Math.min(rows, shape[0]! - first));
    yield inOrder(finite(name, storedBytes(type, bytes), storedAs(type)));
  }
}

function storedBytes(type: GgufTypeName, bytes: Uint8Array): Uint8Array {
  return GGUF_TYPES[type].elements === 1 ? bytes : new Uint8Array(dequantise(type, bytes).buffer);
}

/** Weights that are not finite make every result not a number: a diverged training or a damaged file. */
function finite(name: string, bytes: Uint8Array, dtype: 'F32' | 'F16' | 'BF16'): Uint8Array {
  // An exponent of all ones is infinity or not a number. Little-endian: it stands at the end of each number.
  const [elementBytes, mask] = { F32: [4, 0x7f80], F16: [2, 0x7c00], BF16: [2, 0x7f80] }[dtype] as [number, number];
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const step = elementBytes / 2;
  let worst = 0;
  for (let index = step - 1; index < halves.length; index += step) worst |= +((halves[index]! & mask) === mask);
  if (worst === 0) return bytes;
  throw new StrataError('CORRUPT', `Tensor ${name} is damaged.`, {
    found: 'weights that are not finite',
    allowed: 'finite weights',
    hint: 'Download the file again, or use another version of the model.',
  });
}

/** llama.cpp turns neighbouring rows (2i, 2i + 1) of a head as a pair, Hugging Face rows (i, i + D/2): the same function, rows in another order. */
function toHalfSplit(bytes: Uint8Array, headSize: number, rowBytes: number): Uint8Array {
  const reordered = new Uint8Array(bytes.length);
  const rows = bytes.length / rowBytes;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headSize;
    const from = row - inHead + (inHead < headSize / 2 ? 2 * inHead : 2 * (inHead - headSize / 2) + 1);
    reordered.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return reordered;
}

/** Where the weights come from and under which licence, as far as the file says. */
function readme(file: GgufFile): string {
  const fields = new GgufFields(file);
  const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
  const name = oneLine(fields.text('general.name') ?? basename(file.path).replace(/\.gguf$/, ''));
  const licence = fields.text('general.license');
  const head = licence === null ? '' : `---\nlicense: ${JSON.stringify(oneLine(licence))}\n---\n\n`;
  return `${head}# ${name}\n\nImported from the GGUF file ${basename(file.path)}.\n`;
}
