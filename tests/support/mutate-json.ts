import { randomStream } from '../../shared/domain/random.ts';

/** What readers of JSON trip over, as text: some of it no value of JavaScript could be written as. */
const HOSTILE = [
  ...['null', 'true', '""', '[]', '{}', '0', '-0', '-1', '1.5', '1e400', '-1e400', '1e-400', 'NaN', '01', '"1"'],
  ...['2147483648', '4294967296', '9007199254740991', '9007199254740993', '18446744073709551616', `${'9'.repeat(400)}`],
  ...['"../../etc/passwd"', '"/etc/passwd"', '"%2e%2e/x.safetensors"', '"..\\\\x.safetensors"', '"a\\u0000.safetensors"', '"\\ud800"'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', `"${'x'.repeat(100_000)}"`],
  ...[`${'['.repeat(10_000)}${']'.repeat(10_000)}`, `[${'0,'.repeat(50_000)}0]`, '"model-00009-of-00009.safetensors"', '[[[1]]]'],
];

/**
 * A JSON text in which one to three things were changed, the same for the same seed: a value replaced by a hostile one or by another of
 * the text, a name changed, doubled or replaced by one that objects have by nature, a member left out.
 */
export function mutateJson(text: string, seed: number): string {
  const random = randomStream(seed);
  const below = (limit: number): number => Math.floor(random() * Math.max(1, limit));
  let result = text;
  for (let change = 1 + below(3); change > 0; change--) {
    const tokens = [...result.slice(0, 200_000).matchAll(/"(?:[^"\\]|\\.)*"|-?[\d.]+(?:e[+-]?\d+)?|true|false|null|\[[^[\]{}]*\]/gi)];
    const token = tokens[below(tokens.length)];
    if (!token) continue;
    const [before, after] = [result.slice(0, token.index), result.slice(token.index + token[0].length)];
    const isName = /^\s*:/.test(after);
    const other = tokens[below(tokens.length)]![0];
    const natural = ['"__proto__"', '"toString"', '"constructor"', '""', '"length"'][below(5)]!;
    const replacement = isName ? (below(2) === 0 ? natural : other) : below(3) === 0 ? other : HOSTILE[below(HOSTILE.length)]!;
    const isDoubled = isName && below(4) === 0;
    result = before + (isDoubled ? `${token[0]}:${HOSTILE[below(HOSTILE.length)]!},${token[0]}` : replacement) + after;
  }
  return result;
}
