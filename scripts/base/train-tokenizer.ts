/**
 * Trains the embedded base's tokenizer, a byte-level BPE of 2,048 entries, and writes it to resources/base:
 *
 *   node scripts/base/train-tokenizer.ts --corpus DIR
 *
 * Algorithm: Sennrich et al., arXiv 1508.07909, over bytes as in GPT-2: the most frequent neighbouring pair becomes a new entry
 * until the vocabulary is full; equal counts are decided by the pair's text, so the result is the same everywhere.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { corpus: { type: 'string' } } });
if (!values.corpus) throw new Error('Usage: node scripts/base/train-tokenizer.ts --corpus DIR');

const VOCABULARY_SIZE = 2048;
const SPECIAL_TOKENS = ['<s>', '</s>'];
/** The share of code in the tokenizer's text, by characters: enough that its indentation and operators get entries of their own. */
const CODE_SHARE = 0.12;
/** How GPT-2 cuts text into words before merging, which is what the ByteLevel pre-tokenizer does. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

const byteCharacter = byteCharacters();
const words = await countWords(values.corpus);
const merges = learnMerges(words, VOCABULARY_SIZE - SPECIAL_TOKENS.length - 256);
await writeTokenizer(join(import.meta.dirname, '../../resources/base'));
console.log(`${words.size} different words, ${merges.length} merges`);

/** GPT-2's printable stand-in for each byte: itself where it is printable Latin-1, otherwise a character from 256 on. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}

async function countWords(corpus: string): Promise<Map<string, number>> {
  const read = async (name: string): Promise<string[]> =>
    (await readFile(join(corpus, name), 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { text: string }).text);
  const prose = await read('corpus-train.jsonl');
  const budget = (CODE_SHARE / (1 - CODE_SHARE)) * prose.reduce((sum, text) => sum + text.length, 0);
  const code = await read('code.jsonl');
  const repeat = budget / code.reduce((sum, text) => sum + text.length, 0);
  const counts = new Map<string, number>();
  const count = (texts: string[], weight: number): void => {
    for (const text of texts) {
      for (const [word] of text.matchAll(WORDS)) {
        const mapped = Array.from(Buffer.from(word), (byte) => byteCharacter[byte]).join('');
        counts.set(mapped, (counts.get(mapped) ?? 0) + weight);
      }
    }
  };
  count(prose, 1);
  count(code, repeat);
  return counts;
}

function learnMerges(counts: ReadonlyMap<string, number>, wanted: number): [string, string][] {
  const entries = [...counts].map(([word, count]) => ({ pieces: [...word], count }));
  const pairCounts = new Map<string, number>();
  const wordsWith = new Map<string, Set<number>>();
  const change = (index: number, sign: 1 | -1): void => {
    const { pieces, count } = entries[index]!;
    for (let at = 0; at + 1 < pieces.length; at++) {
      const pair = `${pieces[at]} ${pieces[at + 1]}`;
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * count);
      if (sign === 1) wordsWith.set(pair, (wordsWith.get(pair) ?? new Set()).add(index));
    }
  };
  for (const index of entries.keys()) change(index, 1);
  const learned: [string, string][] = [];
  while (learned.length < wanted) {
    let best = '';
    let bestCount = 0;
    for (const [pair, count] of pairCounts) {
      if (count > bestCount + 1e-6 || (Math.abs(count - bestCount) <= 1e-6 && pair < best)) [best, bestCount] = [pair, count];
    }
    if (best === '') break;
    const [left, right] = best.split(' ') as [string, string];
    learned.push([left, right]);
    for (const index of wordsWith.get(best) ?? []) {
      const entry = entries[index]!;
      change(index, -1);
      const merged: string[] = [];
      for (let at = 0; at < entry.pieces.length; at++) {
        const isPair = entry.pieces[at] === left && entry.pieces[at + 1] === right;
        merged.push(isPair ? left + right : entry.pieces[at]!);
        if (isPair) at++;
      }
      entry.pieces = merged;
      change(index, 1);
    }
    pairCounts.delete(best);
    wordsWith.delete(best);
  }
  return learned;
}

async function writeTokenizer(directory: string): Promise<void> {
  const pieces = [...SPECIAL_TOKENS, ...byteCharacter, ...merges.map(([left, right]) => left + right)];
  const special = (content: string): object => ({
    content,
    lstrip: false,
    normalized: false,
    rstrip: false,
    single_word: false,
    special: true,
  });
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({ id, ...special(content) })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<s>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<s>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
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
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
  const settings = {
    bos_token: '<s>',
    eos_token: '</s>',
    clean_up_tokenization_spaces: false,
    model_max_length: 256,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(tokenizer, null, 1) + '\n');
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(settings, null, 2) + '\n');
  await writeFile(join(directory, 'special_tokens_map.json'), JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }, null, 2) + '\n');
}
