import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type LlamaConfig } from '../../shared/domain/llama-config.ts';
import {
  BLOCK_TENSORS,
  type BlockRole,
  blockTensorName,
  blockTensorShapes,
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
  llamaTensors,
} from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { configText } from './config-text.ts';
import { toHuggingFaceConfig } from './model-config.ts';
import { openRegularFile } from './regular-file.ts';
import { type SafetensorsEntry, writeSafetensors } from './safetensors.ts';
import { type SentencePiece, sentencePieceTokenizerJson, type SentencePieceType } from './tokenizers/sentencepiece-json.ts';

/**
 * Checkpoints of karpathy/llama2.c (export.py), both layouts, as a Hugging Face folder. Little-endian.
 * Legacy: seven int32 (width, feed-forward, blocks, heads, key/value heads, vocabulary, context), then float32 tensors; a
 * positive vocabulary means a tied head. Version 1: magic "ak42", version, the seven, one byte for a tied head, zeros to 256.
 */

const MAGIC = 0x616b3432;
const V1_HEADER_BYTES = 256;
const LEGACY_HEADER_BYTES = 28;
/** More is no llama2.c model: its largest is LLaMA 2 70B. */
const LARGEST = { width: 16_384, hidden: 65_536, blocks: 128, heads: 256, vocabulary: 262_144, context: 1_048_576 };

interface Layout {
  /** Bytes of the file, and what its header says that it must have. */
  size: number;
  expectedSize: number;
  config: LlamaConfig;
  /** Where each run of tensors begins, in floats after the header; all blocks of one role lie together. */
  offsets: Map<BlockRole | 'embedding' | 'finalNorm' | 'head', number>;
  headerBytes: number;
}

/** Whether a file looks like one of the two layouts: by its name and a possible header. */
export async function isLlama2c(path: string): Promise<boolean> {
  return path.endsWith('.bin') && (await readLayout(path)) !== null;
}

/**
 * Writes config.json, model.safetensors and tokenizer.json for a checkpoint, with the tokenizer that lies beside it.
 * @throws StrataError CORRUPT when the tensors that the header names do not fill the file exactly, or the tokenizer has another
 * number of pieces; NOT_FOUND when there is no tokenizer.
 */
export async function writeLlama2cFolder(path: string, destination: string): Promise<void> {
  const layout = await readLayout(path);
  if (!layout || layout.size !== layout.expectedSize) {
    throw new StrataError('CORRUPT', `${path} is not a whole llama2.c checkpoint.`, {
      found: layout ? `${layout.size} bytes` : 'an impossible header',
      allowed: layout
        ? `${layout.expectedSize} bytes, as its header says`
        : 'a header as export.py of llama2.c writes it, then 32-bit floats',
      hint: 'Download or copy the file again and compare its size with the original.',
    });
  }
  const { config, offsets, headerBytes } = layout;
  const tokenizer = await buildTokenizer(await findTokenizer(path, config.vocabularySize), config.vocabularySize);
  const file = await openRegularFile(path);
  try {
    const read = async (offset: number, count: number): Promise<Float32Array> => {
      const values = new Float32Array(count);
      const bytes = new Uint8Array(values.buffer);
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, headerBytes + offset * 4 + done);
        if (bytesRead === 0)
          throw new StrataError('CORRUPT', `${path} ends too early.`, {
            found: `the end of the file at byte ${headerBytes + offset * 4 + done}`,
            allowed: `${layout.expectedSize} bytes, as its header says`,
            hint: 'Download or copy the file again and compare its size with the original.',
          });
        done += bytesRead;
      }
      return values;
    };
    const sources = tensorSources(config, offsets);
    const entries = llamaTensors(config).map(({ name, shape }): SafetensorsEntry => {
      const { offset, heads } = sources.get(name)!;
      const count = shape.reduce((product, length) => product * length, 1);
      const data = async (): Promise<Float32Array> =>
        heads ? toHalfSplit(await read(offset, count), heads, config.headSize, config.hiddenSize) : read(offset, count);
      return { name, shape, dtype: 'F32', data };
    });
    await writeSafetensors(join(destination, 'model.safetensors'), entries, { format: 'pt' });
  } finally {
    await file.close();
  }
  await writeFile(join(destination, 'config.json'), configText(toHuggingFaceConfig(config)));
  await writeFile(join(destination, 'tokenizer.json'), JSON.stringify(tokenizer) + '\n');
  const settings = {
    bos_token: '<s>',
    eos_token: '</s>',
    unk_token: '<unk>',
    clean_up_tokenization_spaces: false,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
  await writeFile(join(destination, 'tokenizer_config.json'), JSON.stringify(settings, null, 2) + '\n');
}

async function readLayout(path: string): Promise<Layout | null> {
  const { size } = await stat(path);
  const header = Buffer.alloc(V1_HEADER_BYTES);
  const file = await openRegularFile(path);
  try {
    await file.read(header, 0, V1_HEADER_BYTES, 0);
  } finally {
    await file.close();
  }
  const isVersion1 = header.readUInt32LE(0) === MAGIC && header.readInt32LE(4) === 1;
  const start = isVersion1 ? 8 : 0;
  const [width, hidden, blocks, heads, keyValueHeads, vocabulary, context] = Array.from({ length: 7 }, (_, index) =>
    header.readInt32LE(start + 4 * index),
  ) as [number, number, number, number, number, number, number];
  const within = (value: number, largest: number): boolean => value >= 1 && value <= largest;
  const isPossible =
    within(width, LARGEST.width) &&
    within(hidden, LARGEST.hidden) &&
    within(blocks, LARGEST.blocks) &&
    within(heads, LARGEST.heads) &&
    within(keyValueHeads, heads) &&
    within(Math.abs(vocabulary), LARGEST.vocabulary) &&
    within(context, LARGEST.context) &&
    heads % keyValueHeads === 0 &&
    width % (2 * heads) === 0;
  if (!isPossible) return null;
  const config: LlamaConfig = {
    hiddenSize: width,
    intermediateSize: hidden,
    blocks,
    heads,
    keyValueHeads,
    headSize: width / heads,
    vocabularySize: Math.abs(vocabulary),
    contextLength: context,
    normEpsilon: 1e-5,
    ropeTheta: 10_000,
    ropeScaling: null,
    slidingWindow: null,
    attentionBias: false,
    mlpBias: false,
    tiedEmbeddings: isVersion1 ? header.readUInt8(36) === 1 : vocabulary > 0,
    bosTokenId: 1,
    eosTokenId: 2,
  };
  const headerBytes = isVersion1 ? V1_HEADER_BYTES : LEGACY_HEADER_BYTES;
  const { offsets, floats } = placeTensors(config, isVersion1);
  return { size, expectedSize: headerBytes + floats * 4, config, offsets, headerBytes };
}

/** Order of the tensors in both layouts; roles of blocks hold all blocks together. */
function placeTensors(config: LlamaConfig, isVersion1: boolean): { offsets: Layout['offsets']; floats: number } {
  const shapes = blockTensorShapes(config);
  const table = config.vocabularySize * config.hiddenSize;
  const matrices: BlockRole[] = ['query', 'key', 'value', 'attentionOutput'];
  const feedForward: BlockRole[] = ['gate', 'down', 'up']; // w1, w2, w3
  const legacy = ['embedding', 'attentionNorm', ...matrices, 'mlpNorm', ...feedForward, 'finalNorm', 'rotary'] as const;
  const version1 = ['attentionNorm', 'mlpNorm', 'finalNorm', 'embedding', ...matrices, ...feedForward] as const;
  const order = [...(isVersion1 ? version1 : legacy), ...(config.tiedEmbeddings ? [] : ['head' as const])];
  const offsets: Layout['offsets'] = new Map();
  let floats = 0;
  for (const part of order) {
    if (part === 'rotary') {
      floats += config.contextLength * config.headSize; // two tables that readers compute themselves
      continue;
    }
    offsets.set(part, floats);
    if (part === 'embedding' || part === 'head') floats += table;
    else if (part === 'finalNorm') floats += config.hiddenSize;
    else floats += config.blocks * shapes[part].reduce((product, length) => product * length, 1);
  }
  return { offsets, floats };
}

/** For each Hugging Face tensor: its place in the file, and its number of heads when rows must be reordered. */
function tensorSources(config: LlamaConfig, offsets: Layout['offsets']): Map<string, { offset: number; heads: number | null }> {
  const sources = new Map<string, { offset: number; heads: number | null }>([
    [EMBEDDING_TENSOR, { offset: offsets.get('embedding')!, heads: null }],
    [FINAL_NORM_TENSOR, { offset: offsets.get('finalNorm')!, heads: null }],
    [HEAD_TENSOR, { offset: offsets.get('head') ?? 0, heads: null }],
  ]);
  const shapes = blockTensorShapes(config);
  for (const role of Object.keys(BLOCK_TENSORS) as BlockRole[]) {
    const size = shapes[role].reduce((product, length) => product * length, 1);
    const heads = role === 'query' ? config.heads : role === 'key' ? config.keyValueHeads : null;
    for (let block = 0; block < config.blocks; block++) {
      sources.set(blockTensorName(block, role), { offset: offsets.get(role)! + block * size, heads });
    }
  }
  return sources;
}

/** llama2.c turns neighbouring rows (2i, 2i+1) as a pair, Hugging Face rows (i, i + D/2): the same function, rows in another order. */
function toHalfSplit(values: Float32Array, heads: number, headSize: number, width: number): Float32Array {
  const reordered = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < headSize; row++) {
      const from = head * headSize + (row < headSize / 2 ? 2 * row : 2 * (row - headSize / 2) + 1);
      reordered.set(values.subarray(from * width, (from + 1) * width), (head * headSize + row) * width);
    }
  }
  return reordered;
}

/** tokenizer.bin or tokNNN.bin in the checkpoint's folder. */
async function findTokenizer(checkpoint: string, vocabularySize: number): Promise<string> {
  const directory = dirname(checkpoint);
  const names = await readdir(directory);
  const name = [`tok${vocabularySize}.bin`, 'tokenizer.bin'].find((candidate) => names.includes(candidate));
  if (name) return join(directory, name);
  throw new StrataError('NOT_FOUND', 'The checkpoint has no tokenizer beside it.', {
    found: names.slice(0, 10).join(', '),
    allowed: `tok${vocabularySize}.bin or tokenizer.bin, as llama2.c's tokenizer.py writes it`,
    hint: 'Copy the tokenizer that the checkpoint was trained with into the same folder.',
  });
}

const SPECIAL_PIECES = ['<unk>', '<s>', '</s>'];
const BYTE_PIECES = 256;
/** SentencePiece's mark of a space. */
const SPACE = '▁';
const MAX_PIECE_BYTES = 1024;

/**
 * tokenizer.json from llama2.c's pieces and scores: it merges, again and again, the neighbouring pair whose joined piece has the highest
 * score, as SentencePiece does, and removes no blanks.
 */
async function buildTokenizer(path: string, vocabularySize: number): Promise<object> {
  return sentencePieceTokenizerJson({
    pieces: readPieces(await readFile(path), path, vocabularySize),
    kind: 'BPE',
    addDummyPrefix: true,
    removeExtraWhitespaces: false,
    normalizerMap: null,
    addBos: true,
    addEos: false,
    bosId: 1,
    eosId: 2,
    unknownId: 0,
  });
}

/** int32 longest piece; then for each piece float32 score, int32 length, bytes. */
function readPieces(bytes: Buffer, path: string, vocabularySize: number): SentencePiece[] {
  const pieces: SentencePiece[] = [];
  let offset = 4;
  for (let id = 0; id < vocabularySize; id++) {
    const length = offset + 8 <= bytes.length ? bytes.readInt32LE(offset + 4) : -1;
    if (length < 0 || length > MAX_PIECE_BYTES || offset + 8 + length > bytes.length) {
      throw wrongTokenizer(path, `${id} pieces in ${bytes.length} bytes`, vocabularySize);
    }
    const text = bytes.toString('utf8', offset + 8, offset + 8 + length);
    pieces.push({ text: pieceText(id, text), score: bytes.readFloatLE(offset), type: pieceType(id) });
    offset += 8 + length;
  }
  if (offset !== bytes.length) throw wrongTokenizer(path, `${bytes.length - offset} bytes after ${vocabularySize} pieces`, vocabularySize);
  return pieces;
}

function wrongTokenizer(path: string, found: string, vocabularySize: number): StrataError {
  return new StrataError('CORRUPT', `${path} is not a tokenizer for this checkpoint.`, {
    found,
    allowed: `${vocabularySize} pieces, as many as the model's vocabulary`,
    hint: `Put the checkpoint's own tokenizer beside it, as tok${vocabularySize}.bin or tokenizer.bin.`,
  });
}

function pieceType(id: number): SentencePieceType {
  if (id < SPECIAL_PIECES.length) return id === 0 ? 'unknown' : 'control';
  return id < SPECIAL_PIECES.length + BYTE_PIECES ? 'byte' : 'normal';
}

function pieceText(id: number, text: string): string {
  if (id < SPECIAL_PIECES.length) return SPECIAL_PIECES[id]!;
  const byte = id - SPECIAL_PIECES.length;
  if (byte < BYTE_PIECES) return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  return text.replaceAll(' ', SPACE);
}
