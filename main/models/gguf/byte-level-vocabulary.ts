import { StrataError } from '../../../shared/errors.ts';
import type { BytePairTokenizer, Step } from './tokenizer-json.ts';

/** How text is cut into words before the merges: a name of llama.cpp's, and the steps of tokenizer.json that do the same. */
interface WordCutter {
  name: string;
  /** Whether a word that is a token is taken as it is, without merges; it goes with the name. */
  ignoresMerges: boolean;
  /** The regular expressions of the splits, or "digits" for each digit by itself, or "gpt-2" for ByteLevel's own. */
  steps: string[];
}

const LLAMA_3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN_2 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const WORD_CUTTERS: readonly WordCutter[] = [
  { name: 'gpt-2', ignoresMerges: false, steps: ['gpt-2'] },
  { name: 'smollm', ignoresMerges: false, steps: ['digits', 'gpt-2'] },
  { name: 'llama-bpe', ignoresMerges: true, steps: [LLAMA_3] },
  { name: 'smaug-bpe', ignoresMerges: false, steps: [LLAMA_3] },
  { name: 'qwen2', ignoresMerges: false, steps: [QWEN_2] },
];

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
  const steps = preTokenizers.map(stepName).filter((name) => name !== null);
  const isMet = (cutter: WordCutter): boolean =>
    cutter.steps.length === steps.length && cutter.steps.every((step, at) => step === steps[at]);
  const cutter = WORD_CUTTERS.find((candidate) => isMet(candidate) && candidate.ignoresMerges === model.ignore_merges);
  if (cutter) return cutter.name;
  const names = WORD_CUTTERS.map(({ name }) => name).join(', ');
  if (WORD_CUTTERS.some(isMet)) {
    throw different(`ignore_merges ${model.ignore_merges} in tokenizer.json`, `what goes with its way to cut words (one of ${names})`);
  }
  throw different(`words cut by ${JSON.stringify(preTokenizers).slice(0, 300)}`, `the ways of ${names}`);
}

/** What a step does, in the words of {@link WordCutter}; null for one that cuts nothing, another text for one that llama.cpp has not. */
function stepName(step: Step): string | null {
  if (step.type === 'Digits' && step.individual_digits === true) return 'digits';
  if (step.type === 'ByteLevel' && step.add_prefix_space !== true) return step.use_regex === false ? null : 'gpt-2';
  const { Regex: expression } = (step.pattern ?? {}) as { Regex?: unknown };
  if (step.type === 'Split' && step.behavior === 'Isolated' && step.invert !== true && typeof expression === 'string') return expression;
  return `unknown: ${step.type}`;
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
