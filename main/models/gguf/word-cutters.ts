/**
 * How byte-level tokenizers cut a text into words before the merges, by the name that GGUF files give it (`tokenizer.ggml.pre`): llama.cpp holds a
 * list of such names (`llama-vocab.cpp`), and the tokenizer.json files that they stand for say the same in steps.
 */
export interface WordCutter {
  /** Steps of tokenizer.json before the bytes are spelt. */
  steps: readonly object[];
  /** Whether the last step, which spells bytes, cuts words as GPT-2 does. */
  cutsLikeGpt2: boolean;
  /** Whether a word that is a token is taken as it is, without merges. */
  ignoresMerges: boolean;
  /** Whether a text gets the start token where the file does not say. */
  addsStart: boolean;
}

const split = (pattern: string): object => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });
const DIGITS = { type: 'Digits', individual_digits: true };

const GPT_2: WordCutter = { steps: [], cutsLikeGpt2: true, ignoresMerges: false, addsStart: false };
const DIGITS_APART: WordCutter = { ...GPT_2, steps: [DIGITS] };
const byPatterns = (...patterns: string[]): WordCutter => ({ ...GPT_2, cutsLikeGpt2: false, steps: patterns.map(split) });

/** English contractions, then words with at most one sign before them. Numbers follow, in groups of a size that models differ in. */
const WORDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const SIGNS_AND_BLANKS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const THREE_DIGITS = byPatterns(`${WORDS}|\\p{N}{1,3}|${SIGNS_AND_BLANKS}`);
const LLAMA_3: WordCutter = { ...THREE_DIGITS, ignoresMerges: true, addsStart: true };
const QWEN_2 = byPatterns(`${WORDS}|\\p{N}|${SIGNS_AND_BLANKS}`);

/** Words begin anew where small letters are followed by capitals. */
const [UPPER, LOWER] = ['[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'];
const SIGN = '[^\\r\\n\\p{L}\\p{N}]?';
const CASED_WORDS = (ending: string): string => `${SIGN}${UPPER}*${LOWER}+${ending}|${SIGN}${UPPER}+${LOWER}*${ending}`;
const SIGNS_WITH_SLASHES = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const TEKKEN: WordCutter = {
  ...byPatterns(`${CASED_WORDS('')}|\\p{N}|${SIGNS_WITH_SLASHES}`),
  ignoresMerges: true,
  addsStart: true,
};
const GPT_4O = byPatterns(`${CASED_WORDS("(?i:'s|'t|'re|'ve|'m|'ll|'d)?")}|\\p{N}{1,3}|${SIGNS_WITH_SLASHES}`);

const EAST_ASIAN = '[一-龥ࠀ-一가-퟿]+';
const CODER_PATTERNS = byPatterns('[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', EAST_ASIAN);
const DEEPSEEK_CODER: WordCutter = { ...CODER_PATTERNS, steps: [...CODER_PATTERNS.steps, DIGITS] };

/** Letters of alphabets with capitals, and the signs, as DeepSeek's first models list them. */
const CASED =
  '[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]';
const SIGNS = '[!-/:-~！-／：-～‘-‟　-。]';
const DEEPSEEK_LLM = byPatterns('[\\r\\n]', `\\s?${CASED}+`, `\\s?${SIGNS}+`, '\\s+$', EAST_ASIAN, '\\p{N}+');

/** GPT-2's own words, as an expression: for cutters that do something after it. */
const GPT_2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
/** What llama.cpp takes for files that name none: those made before names were stored. */
const UNNAMED = byPatterns('[\\p{P}\\$\\+<=>\\^~\\|]+', GPT_2_WORDS, '\\p{N}+', '[0-9][0-9][0-9]');
const FALCON = byPatterns('[\\p{P}\\$\\+<=>\\^~\\|`]+', GPT_2_WORDS, '[0-9][0-9][0-9]');

export const WORD_CUTTERS: ReadonlyMap<string, WordCutter> = new Map([
  ['default', UNNAMED],
  ...(['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'trillion'] as const).map((name) => [name, GPT_2] as const),
  ...(['smollm', 'starcoder', 'refact', 'codeshell', 'exaone', 'minerva-7b', 'command-r'] as const).map(
    (name) => [name, DIGITS_APART] as const,
  ),
  ...(['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'pixtral', 'lfm2'] as const).map((name) => [name, LLAMA_3] as const),
  ...(['smaug-bpe', 'dbrx'] as const).map((name) => [name, THREE_DIGITS] as const),
  ...(['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'megrez'] as const).map((name) => [name, QWEN_2] as const),
  ['tekken', TEKKEN],
  ['gpt-4o', GPT_4O],
  ['deepseek-llm', DEEPSEEK_LLM],
  ['deepseek-coder', DEEPSEEK_CODER],
  ['falcon', FALCON],
]);
