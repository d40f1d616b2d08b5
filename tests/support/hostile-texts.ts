import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { randomStream } from '../../shared/domain/random.ts';

/** Texts that tokenizers trip over. Lone halves of surrogate pairs are apart: no other program can be given them. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '  ',
  '\n',
  '\0',
  'a\0b\0',
  '\uFEFFwith a mark in front',
  'a mark\uFEFF inside \uFEFF',
  Array.from({ length: 32 }, (_, code) => `a${String.fromCharCode(code)}b`).join(' '),
  Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)).join(''),
  'lines\nof\r\nall\rkinds\u000bof\u000cbreak\u0085and\u2028more\u2029end',
  '\r\n\r\n\n\n \n \r \t\n',
  '   three in front, three behind   ',
  'one  two   three    four\t\ttabs \t mixed \n lines',
  'blanks of all kinds: \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000|\u200b|\u2060|\u180e',
  '▁marks▁ ▁▁of ▁blanks▁ ',
  '▁',
  '▁▁ ▁',
  '😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 e\u0301 é ﬁ ﷺ',
  'Z̴̧̛͎̣a̸͚l̵͉̓g̷̱̔o̶̙͘ ' + 'a' + '\u0301'.repeat(50),
  '日本語のテキスト、中文文本 한국어 עברית العربية ไทย हिन्दी Ελληνικά ΟΔΟΣ Русский',
  '각 각 가 ᄀ ᄀ\u1161 \u1100\u1161\u11a8 Å Å Å',
  'İstanbul ISTANBUL ıi ßẞ ΣΑΣ ς ǅ ŉ',
  "it's I'LL we'Ve don't 'tis 's 'S ’s",
  '1234567890 1,234.56 ½ ² ٣٤ ५ Ⅷ ①2③ 12ab34',
  'a1b22c333d4444 x_y __init__ snake_case CamelCase HTTPServer',
  '!?.,;:-–—…“”‘’«»()[]{}<>/\\|@#$%^&*~`+=§¶•',
  'don?t…stop—now (really!) [yes] {no}',
  'def f(x):\n    return x ** 2  # {}[]~^\n\n\nclass A(B):\n\tpass\r\n',
  'https://example.org/a/b?c=d&e=f#g user@example.org C:\\path\\to',
  '</s> <s> <unk> <|endoftext|> <|im_start|>user<|im_end|> <0x0A> <0xE2> [INST] <<SYS>>',
  'a</s>b<s>c<unk>d<|endoftext|>e<0x41>f <s></s><s>',
  ' </s> </s>  x </s>',
  'the <mask> the  <sep>  other theme ABC abc xABCx <|a|><|b|> <|a|> 。the、the',
  '\u0378 \u{e0000} \u{10ffff} \ufffe \uffff \ue000',
  '\ufffd\ufffd',
  'a'.repeat(300),
  'ab'.repeat(150) + ' ' + '.'.repeat(300) + ' ' + '-='.repeat(100) + '0'.repeat(200),
  ' '.repeat(300) + 'x' + '\n'.repeat(100) + '\t'.repeat(100),
  'é'.repeat(200) + '日'.repeat(200) + '😀'.repeat(100),
];

/** Rows of random characters of many scripts. */
export function randomTexts(count: number, seed = 1): string[] {
  const random = randomStream(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const ranges = [
    [0x20, 0x7f],
    [0x20, 0x7f],
    [0x00, 0x300],
    [0x300, 0x370],
    [0x370, 0x600],
    [0x600, 0x1000],
    [0x2000, 0x2c00],
    [0x3000, 0x3100],
    [0x4e00, 0x9fff],
    [0x1f300, 0x1f700],
  ] as const;
  return Array.from({ length: count }, () =>
    Array.from({ length: below(60) }, () => {
      const [from, to] = ranges[below(ranges.length)]!;
      return below(6) === 0 ? ' ' : String.fromCodePoint(from + below(to - from));
    }).join(''),
  );
}

/** Longer ones would take the outside programs hours: they look at a text without pieces as a whole. */
const LONGEST_TEXT = 100_000;

/** Every text file of the shared data, cut into parts, and of those that are JSON every text in them, each once. */
export async function sharedTexts(folder: string): Promise<string[]> {
  const texts = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === 'string') texts.add(value);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) collect(each);
  };
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(jsonl|json|txt|md|vocab|enc)(\.gz)?$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    if (path.includes('.jsonl'))
      for (const line of text.split('\n'))
        if (line !== '') collect(JSON.parse(line));
        else if (/\.json(\.gz)?$/.test(path) && !path.includes('/tokenizer')) collect(JSON.parse(text));
        else
          for (let begin = 0; begin < text.length; begin += LONGEST_TEXT) texts.add(text.slice(begin, begin + LONGEST_TEXT).toWellFormed());
  }
  return [...texts];
}
