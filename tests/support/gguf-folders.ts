import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHuggingFaceConfig } from '../../main/models/model-config.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { packTensors, type RawTensor } from './raw-models.ts';
import { randomWeights, tinyConfig } from './tiny-llama.ts';

/** Model folders with tokenizers that llama.cpp has, too. */

/** A tiny LLaMA whose matrices are whole blocks of 32 numbers, with room for the vocabularies below. */
export const blockyConfig: LlamaConfig = {
  ...tinyConfig,
  hiddenSize: 64,
  intermediateSize: 96,
  heads: 4,
  keyValueHeads: 2,
  headSize: 16,
  vocabularySize: 288,
};

const added = (id: number, content: string, changes: object = {}): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...changes,
});

const startTemplate = (start: string, id: number): object => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: start, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: { [start]: { id: start, ids: [id], tokens: [start] } },
});

/** A byte-level encoding with three merges: ids 0 and 1 are <s> and </s>, the bytes follow. */
export function byteLevelTokenizer(): Record<string, unknown> & { model: Record<string, unknown>; added_tokens: object[] } {
  let next = 256;
  const isVisible = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  const letters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++));
  const tokens = ['<s>', '</s>', ...letters, 'ab', 'Ġab', 'abab'];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [added(0, '<s>'), added(1, '</s>')],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: startTemplate('<s>', 0),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [
        ['a', 'b'],
        ['Ġ', 'ab'],
        ['ab', 'ab'],
      ],
    },
  };
}

/** An encoding of the LLaMA kind: <unk>, <s>, </s>, the bytes, then pieces; every way to join two pieces to a third is a merge. */
export function pieceTokenizer(): Record<string, unknown> & { model: Record<string, unknown>; added_tokens: object[] } {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'a', 'b', 'c', 'bc', 'ab', 'abc', '▁abc', '▁▁', '▁▁▁'];
  return {
    ...byteLevelTokenizer(),
    added_tokens: [added(0, '<unk>'), added(1, '<s>'), added(2, '</s>')],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: startTemplate('<s>', 1),
    decoder: null,
    model: {
      ...byteLevelTokenizer().model,
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: ['b c', 'a b', 'ab c', 'a bc', '▁ abc', '▁▁ ▁', '▁ ▁', '▁ ▁▁'],
    },
  };
}

/** Writes a model folder with random weights, or those given in their place. */
export async function writeGgufSource(
  directory: string,
  {
    config = blockyConfig,
    tokenizer = byteLevelTokenizer() as object,
    settings = { bos_token: '<s>', eos_token: '</s>' } as object,
    weights = new Map<string, Float32Array>(),
  } = {},
): Promise<Map<string, Float32Array>> {
  await mkdir(directory, { recursive: true });
  const all = new Map([...randomWeights(config), ...weights]);
  const tensors = llamaTensors(config).map(({ name, shape }): [string, RawTensor] => {
    const values = all.get(name)!;
    return [name, { dtype: 'F32', shape, bytes: Buffer.from(values.buffer, values.byteOffset, values.byteLength) }];
  });
  await writeFile(join(directory, 'model.safetensors'), packTensors(new Map(tensors), { format: 'pt' }));
  await writeFile(join(directory, 'config.json'), JSON.stringify(toHuggingFaceConfig(config)));
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(settings));
  return all;
}
