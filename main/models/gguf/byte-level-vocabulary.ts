import { isDeepStrictEqual } from 'node:util';
import { StrataError } from '../../../shared/errors.ts';
import type { BytePairTokenizer, Step } from './tokenizer-json.ts';
import { WORD_CUTTERS, type WordCutter } from './word-cutters.ts';

/** Ways to cut words for which llama.cpp gives the tokens of the tokenizers package on every text that was tried (tests/parity/gguf.test.ts). */
const EXPORTED_CUTTERS = ['gpt-2', 'smollm', 'llama-bpe', 'smaug-bpe', 'qwen2', 'tekken', 'deepseek-coder', 'falcon', 'default'] as const;

/** Whether text is spelt in bytes, each with a character of its own, before the merges. */
export function isByteLevel({ preTokenizers }: BytePairTokenizer): boolean {
  return preTokenizers.some(({ type }) => type === 'ByteLevel');
}

/**
 * llama.cpp's name for the way a byte-level encoding cuts words (`tokenizer.ggml.pre`).
 * @param pieces every text that has an id.
 * @throws StrataError UNSUPPORTED when llama.cpp would give other tokens.
 */
export function byteLevelCutter({ model, merges, normalizers, preTokenizers }: BytePairTokenizer, pieces: ReadonlySet<string>): string {
  if (normalizers.length > 0) {
    throw different(`the normaliser ${JSON.stringify(normalizers[0]).slice(0, 120)}`, 'none: llama.cpp takes text as it is');
  }
  const missing = BYTE_CHARACTERS.filter((character) => !pieces.has(character));
  if (missing.length > 0 && typeof model.unk_token === 'string') {
    throw different(`no tokens for ${missing.length} of the 256 bytes, and ${model.unk_token} for them`, 'a token for each byte');
  }
  const spaced = merges.find(([left, right]) => left.includes(' ') || right.includes(' '));
  if (spaced) throw different(`a merge of ${JSON.stringify(spaced[0])} and ${JSON.stringify(spaced[1])}`, 'no blanks in byte-level tokens');
  const steps = preTokenizers.map(cutOf).filter((cut) => cut !== null);
  const alike = EXPORTED_CUTTERS.filter((name) => isDeepStrictEqual(cutsOf(WORD_CUTTERS.get(name)!), steps));
  const cutter = alike.find((name) => WORD_CUTTERS.get(name)!.ignoresMerges === model.ignore_merges);
  if (cutter !== undefined) return cutter;
  if (alike.length > 0) {
    throw different(
      `ignore_merges ${model.ignore_merges} in tokenizer.json`,
      `${!model.ignore_merges}, which goes with ${alike.join(', ')}`,
    );
  }
  throw different(`words cut by ${JSON.stringify(preTokenizers).slice(0, 300)}`, `the ways of ${EXPORTED_CUTTERS.join(', ')}`);
}

function cutsOf({ steps, cutsLikeGpt2 }: WordCutter): string[] {
  return [...steps.map((step) => cutOf(step as Step)!), ...(cutsLikeGpt2 ? ['gpt-2'] : [])];
}

/** How a step cuts, in a word that is the same for steps that do the same; null for one that cuts nothing. */
function cutOf(step: Step): string | null {
  if (step.type === 'Digits' && step.individual_digits === true) return 'digits';
  if (step.type === 'ByteLevel' && step.add_prefix_space !== true) return step.use_regex === false ? null : 'gpt-2';
  const { Regex: expression } = (step.pattern ?? {}) as { Regex?: unknown };
  if (step.type === 'Split' && step.behavior === 'Isolated' && step.invert !== true && typeof expression === 'string') return expression;
  return JSON.stringify(step);
}

/** The characters that byte-level encodings write for bytes: itself where it is visible Latin-1, else the next one from 256 on. */
export const BYTE_CHARACTERS: readonly string[] = ((): string[] => {
  let next = 256;
  const isVisible = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++));
})();

function different(found: string, allowed: string): StrataError {
  return new StrataError('UNSUPPORTED', "llama.cpp's byte-level tokenizer would give other tokens than this model's.", {
    found,
    allowed,
    hint: 'Export it as a Hugging Face folder; programs that use tokenizer.json read it as it is.',
  });
}
