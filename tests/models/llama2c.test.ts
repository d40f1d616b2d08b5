import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLlama2c, writeLlama2cFolder } from '../../main/models/llama2c.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { readRawModel } from '../support/raw-models.ts';
import { sharedData } from '../support/shared-data.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** Sizes of the checkpoint that is built here: two heads of four share one key/value head. */
const [C, F, BLOCKS, H, K, V, T] = [8, 12, 2, 2, 1, 264, 16];
const D = C / H;
const sizes = [C, F, BLOCKS, H, K, V, T];

/** One tensor for all blocks: numbers that say which tensor and which place they are. */
function numbered(start: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => start + index);
}

const parts = {
  embedding: numbered(0, V * C),
  attentionNorm: numbered(10_000, BLOCKS * C),
  query: numbered(20_000, BLOCKS * H * D * C),
  key: numbered(30_000, BLOCKS * K * D * C),
  value: numbered(40_000, BLOCKS * K * D * C),
  output: numbered(50_000, BLOCKS * C * H * D),
  mlpNorm: numbered(60_000, BLOCKS * C),
  gate: numbered(70_000, BLOCKS * F * C),
  down: numbered(80_000, BLOCKS * C * F),
  up: numbered(90_000, BLOCKS * F * C),
  finalNorm: numbered(100_000, C),
  rotary: numbered(110_000, T * D),
  head: numbered(120_000, V * C),
};

function checkpoint(version: 0 | 1, isTied: boolean): Buffer {
  const { embedding, attentionNorm, query, key, value, output, mlpNorm, gate, down, up, finalNorm, rotary, head } = parts;
  const header = Buffer.alloc(version === 0 ? 28 : 256);
  if (version === 1) {
    header.writeUInt32LE(0x616b3432, 0);
    header.writeInt32LE(1, 4);
    header.writeUInt8(isTied ? 1 : 0, 36);
  }
  for (const [index, size] of sizes.entries()) {
    // The legacy layout says by the sign of the vocabulary that the head is a table of its own.
    header.writeInt32LE(version === 0 && index === 5 && !isTied ? -size : size, (version === 0 ? 0 : 8) + 4 * index);
  }
  const order =
    version === 0
      ? [embedding, attentionNorm, query, key, value, output, mlpNorm, gate, down, up, finalNorm, rotary]
      : [attentionNorm, mlpNorm, finalNorm, embedding, query, key, value, output, gate, down, up];
  if (!isTied) order.push(head);
  return Buffer.concat([header, ...order.map((values) => Buffer.from(values.buffer))]);
}

/** tokenizer.bin: three special pieces, the bytes, then those given with their scores. */
function tokenizerFile(pieces: readonly [string, number][]): Buffer {
  const all: [string, number][] = [
    ['<unk>', 0],
    ['\n<s>\n', 0],
    ['\n</s>\n', 0],
  ];
  for (let byte = 0; byte < 256; byte++) all.push([`<0x${byte.toString(16).padStart(2, '0')}>`, 0]);
  const parts = [...all, ...pieces].map(([text, score]) => {
    const start = Buffer.alloc(8);
    start.writeFloatLE(score, 0);
    start.writeInt32LE(Buffer.byteLength(text), 4);
    return Buffer.concat([start, Buffer.from(text)]);
  });
  return Buffer.concat([Buffer.from([8, 0, 0, 0]), ...parts]);
}

/** Five pieces, so that there are as many as the vocabulary has places. */
const PIECES: [string, number][] = [
  ['a', -3],
  ['b', -4],
  [' ', -5],
  [' a', -2],
  ['ab', -1],
];

async function convert(bytes: Buffer, tokenizer: Buffer | null = tokenizerFile(PIECES), tokenizerName = 'tokenizer.bin'): Promise<string> {
  const path = await folder.write('in/model.bin', bytes);
  if (tokenizer) await folder.write(`in/${tokenizerName}`, tokenizer);
  await mkdir(join(folder.path, 'out'), { recursive: true });
  await writeLlama2cFolder(path, join(folder.path, 'out'));
  return join(folder.path, 'out');
}

const valuesOf = (bytes: Buffer): number[] => [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))];
/** What belongs to one block, of a tensor for all blocks. */
const ofBlock = (values: Float32Array, block: number): number[] => {
  const size = values.length / BLOCKS;
  return [...values.subarray(block * size, (block + 1) * size)];
};
/** Rows (2i, 2i + 1) of each head to rows (i, i + D/2). */
const halfSplit = (values: number[], heads: number): number[] => {
  const rows = Array.from({ length: heads * D }, (_, row) => values.slice(row * C, (row + 1) * C));
  return Array.from({ length: heads }, (_, head) => rows.slice(head * D, (head + 1) * D))
    .flatMap((ofHead) => [...ofHead.filter((_, row) => row % 2 === 0), ...ofHead.filter((_, row) => row % 2 === 1)])
    .flat();
};

describe.each([
  { layout: 'the legacy layout', version: 0 as const },
  { layout: 'version 1', version: 1 as const },
])('a checkpoint in $layout', ({ version }) => {
  it.each([{ isTied: true }, { isTied: false }])('has each tensor in its place (tied: $isTied)', async ({ isTied }) => {
    const { tensors, config } = await readRawModel(await convert(checkpoint(version, isTied)));
    const expected: [string, number[]][] = [['model.embed_tokens.weight', [...parts.embedding]]];
    for (let block = 0; block < BLOCKS; block++) {
      const at = (name: string): string => `model.layers.${block}.${name}.weight`;
      expected.push(
        [at('input_layernorm'), ofBlock(parts.attentionNorm, block)],
        [at('self_attn.q_proj'), halfSplit(ofBlock(parts.query, block), H)],
        [at('self_attn.k_proj'), halfSplit(ofBlock(parts.key, block), K)],
        [at('self_attn.v_proj'), ofBlock(parts.value, block)],
        [at('self_attn.o_proj'), ofBlock(parts.output, block)],
        [at('post_attention_layernorm'), ofBlock(parts.mlpNorm, block)],
        [at('mlp.gate_proj'), ofBlock(parts.gate, block)],
        [at('mlp.up_proj'), ofBlock(parts.up, block)],
        [at('mlp.down_proj'), ofBlock(parts.down, block)],
      );
    }
    expected.push(['model.norm.weight', [...parts.finalNorm]]);
    if (!isTied) expected.push(['lm_head.weight', [...parts.head]]);
    expect([...tensors.keys()]).toEqual(expected.map(([name]) => name));
    for (const [name, values] of expected) expect(valuesOf(tensors.get(name)!.bytes), name).toEqual(values);
    expect(config).toMatchObject({
      architectures: ['LlamaForCausalLM'],
      hidden_size: C,
      intermediate_size: F,
      num_hidden_layers: BLOCKS,
      num_attention_heads: H,
      num_key_value_heads: K,
      head_dim: D,
      vocab_size: V,
      max_position_embeddings: T,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: isTied,
      bos_token_id: 1,
      eos_token_id: 2,
    });
  });

  it('becomes a folder that opens', async () => {
    const opened = await openModelFolder(await convert(checkpoint(version, false)));
    expect(await opened.readTensor('model.norm.weight')).toEqual(parts.finalNorm);
    await opened.close();
  });

  it.each([
    ['cut short', -4],
    ['cut inside its tensors', -5000],
    ['with bytes behind its end', 4],
  ])('is refused %s, with the sizes', async (_what, difference) => {
    const whole = checkpoint(version, true);
    const wrong = difference < 0 ? whole.subarray(0, difference) : Buffer.concat([whole, Buffer.alloc(difference)]);
    await expect(convert(wrong)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `${join(folder.path, 'in/model.bin')} is not a whole llama2.c checkpoint.`,
      found: `${whole.length + difference} bytes`,
      allowed: `${whole.length} bytes, as its header says`,
    });
  });
});

describe('a file is a llama2.c checkpoint', () => {
  it.each([
    ['by a possible header', 'model.bin', checkpoint(0, true), true],
    ['by the mark of version 1', 'model.bin', checkpoint(1, true), true],
    ['only with its extension', 'model.dat', checkpoint(0, true), false],
    ['not when empty', 'model.bin', Buffer.alloc(0), false],
    ['not when it is a zip archive, as PyTorch writes', 'pytorch_model.bin', Buffer.from('PK\x03\x04'.padEnd(500, 'x'), 'latin1'), false],
    ['not with an impossible number of heads', 'model.bin', header([8, 12, 2, 3, 1, 264, 16]), false],
    ['not with key/value heads that do not divide the heads', 'model.bin', header([24, 12, 2, 4, 3, 264, 16]), false],
    ['not with an odd head size', 'model.bin', header([6, 12, 2, 2, 1, 264, 16]), false],
    ['not with enormous sizes', 'model.bin', header([8, 12, 2_000_000_000, 2, 1, 264, 16]), false],
    ['not with negative sizes', 'model.bin', header([8, 12, -2, 2, 1, 264, 16]), false],
  ])('%s', async (_what, name, bytes, expected) => {
    expect(await isLlama2c(await folder.write(name, bytes))).toBe(expected);
  });
});

function header(numbers: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(Int32Array.from(numbers).buffer), Buffer.alloc(1000)]);
}

describe('the tokenizer beside a checkpoint', () => {
  it('merges the neighbours whose piece has the best score first', async () => {
    const tokenizer = await loadTokenizer(await convert(checkpoint(0, true)));
    const id = (piece: string): number => 259 + PIECES.findIndex(([text]) => text === piece);
    expect(tokenizer.encode('ab')).toEqual([1, id(' '), id('ab')]);
    expect(tokenizer.encode('a')).toEqual([1, id(' a')]);
    expect(tokenizer.encode('aé')).toEqual([1, id(' a'), 3 + 0xc3, 3 + 0xa9]);
    expect(tokenizer.decode(tokenizer.encode('ab aé 😀'))).toBe('ab aé 😀');
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabularySize]).toEqual([1, 2, V]);
  });

  it('may be named after the size of its vocabulary', async () => {
    expect((await loadTokenizer(await convert(checkpoint(0, true), tokenizerFile(PIECES), `tok${V}.bin`))).vocabularySize).toBe(V);
  });

  it('that is missing is asked for', async () => {
    await expect(convert(checkpoint(0, true), null)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'The checkpoint has no tokenizer beside it.',
      found: 'model.bin',
      allowed: "tok264.bin or tokenizer.bin, as llama2.c's tokenizer.py writes it",
    });
  });

  const whole = tokenizerFile(PIECES);
  it.each([
    ['of too few pieces', tokenizerFile(PIECES.slice(1)), /^263 pieces in \d+ bytes$/],
    ['of too many pieces', tokenizerFile([...PIECES, ['more', -9]]), '12 bytes after 264 pieces'],
    ['cut inside a piece', whole.subarray(0, -1), `263 pieces in ${whole.length - 1} bytes`],
    ['empty', Buffer.alloc(0), '0 pieces in 0 bytes'],
    ['of something else', Buffer.alloc(5000, 0xff), '0 pieces in 5000 bytes'],
  ])('is refused when it is one %s', async (_what, tokenizer, found) => {
    await expect(convert(checkpoint(0, true), tokenizer)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `${join(folder.path, 'in/tokenizer.bin')} is not a tokenizer for this checkpoint.`,
      found: typeof found === 'string' ? found : (expect.stringMatching(found) as string),
      allowed: "264 pieces, as many as the model's vocabulary",
    });
  });
});

describe.skipIf(!sharedData)('stories260K', () => {
  const source = join(sharedData ?? '', 'models/stories260k');

  it('gives the same files from both layouts, byte for byte', async () => {
    for (const [name, out] of [
      ['stories260K.bin', 'legacy'],
      ['checkpoint_v1.bin', 'v1'],
    ] as const) {
      await mkdir(join(folder.path, out));
      await writeLlama2cFolder(join(source, name), join(folder.path, out));
    }
    for (const name of ['model.safetensors', 'config.json', 'tokenizer.json']) {
      const [legacy, v1] = [await readFile(join(folder.path, 'legacy', name)), await readFile(join(folder.path, 'v1', name))];
      expect(legacy.equals(v1), name).toBe(true);
    }
  });

  it("encodes as llama2.c's own encoder does", async () => {
    await copyFile(join(source, 'tok512.bin'), await folder.write('in/tok512.bin', ''));
    await mkdir(join(folder.path, 'out'));
    await writeLlama2cFolder(join(source, 'stories260K.bin'), join(folder.path, 'out'));
    const tokenizer = await loadTokenizer(join(folder.path, 'out'));
    const pieces = piecesOf(await readFile(join(source, 'tok512.bin')), 512);
    for (const text of [
      'Once upon a time, there was a little girl named Lily. She said, "Hello!"',
      'def f(x): return x ** 2  # {}[]~^',
      'Grüße, 日本 and 😀 — ok?',
      '  two  blanks ',
      'aaaaaaaaaa the the thethe',
    ]) {
      expect(tokenizer.encode(text), text).toEqual([1, ...encodeAsLlama2c(text, pieces)]);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});

/** Pieces and scores of tokenizer.bin, read by position. */
function piecesOf(bytes: Buffer, count: number): { text: string; score: number }[] {
  let offset = 4;
  return Array.from({ length: count }, () => {
    const [score, length] = [bytes.readFloatLE(offset), bytes.readInt32LE(offset + 4)];
    const text = bytes.toString('utf8', offset + 8, offset + 8 + length);
    offset += 8 + length;
    return { text, score };
  });
}

/** run.c, encode(): a space in front, characters or their bytes, then the best-scored pair until none is left. */
function encodeAsLlama2c(text: string, pieces: readonly { text: string; score: number }[]): number[] {
  const idOf = new Map(pieces.map(({ text: piece }, id) => [piece, id] as const).reverse());
  const ids = [...` ${text}`].flatMap((character) => idOf.get(character) ?? [...Buffer.from(character)].map((byte) => byte + 3));
  for (;;) {
    let best = { score: -Infinity, index: -1, id: -1 };
    for (let index = 0; index + 1 < ids.length; index++) {
      const id = idOf.get(pieces[ids[index]!]!.text + pieces[ids[index + 1]!]!.text);
      if (id !== undefined && pieces[id]!.score > best.score) best = { score: pieces[id]!.score, index, id };
    }
    if (best.index === -1) return ids;
    ids.splice(best.index, 2, best.id);
  }
}
