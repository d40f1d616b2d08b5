import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompanionBytes } from '../../shared/domain/export-size.ts';

/**
 * Bytes that an export has beside the weights: the small files of a Hugging Face folder, and what of tokenizer.json a GGUF file holds in its
 * metadata. An estimate of the latter: strings with their lengths, and a kind and a score for each token.
 */
export async function companionBytes(directory: string): Promise<CompanionBytes> {
  let huggingface = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile() && !/\.safetensors(\.index\.json)?$/.test(entry.name)) huggingface += (await stat(join(directory, entry.name))).size;
  }
  return { huggingface, gguf: ggufTokenizerBytes(await readTokenizer(directory)) };
}

interface TokenizerJson {
  model?: { type?: unknown; vocab?: unknown; merges?: unknown } | null;
  added_tokens?: unknown;
}

async function readTokenizer(directory: string): Promise<TokenizerJson> {
  try {
    return (JSON.parse(await readFile(join(directory, 'tokenizer.json'), 'utf8')) as TokenizerJson | null) ?? {};
  } catch {
    return {}; // a size is estimated without; whoever needs the tokenizer itself says what is wrong with it
  }
}

/** A string's length is written before it in eight bytes; a kind is an int32, a score a float32. */
const STRING_BYTES = 8;
const NUMBER_BYTES = 4;

function ggufTokenizerBytes({ model, added_tokens: added }: TokenizerJson): number {
  const vocabulary = model?.vocab;
  const tokens = Array.isArray(vocabulary)
    ? vocabulary.map((entry: unknown) => String((entry as unknown[])[0]))
    : Object.keys(vocabulary ?? {});
  const addedTokens = Array.isArray(added) ? added.map((token: { content?: unknown }) => String(token.content)) : [];
  const known = new Set(tokens);
  const all = [...tokens, ...addedTokens.filter((token) => !known.has(token))];
  const merges = Array.isArray(model?.merges)
    ? model.merges.map((pair: unknown) => (Array.isArray(pair) ? pair.join(' ') : String(pair)))
    : [];
  const strings = (list: readonly string[]): number => list.reduce((sum, text) => sum + STRING_BYTES + Buffer.byteLength(text), 0);
  const isScored = model?.type === 'Unigram';
  return strings(all) + all.length * NUMBER_BYTES * (isScored ? 2 : 1) + strings(merges);
}
