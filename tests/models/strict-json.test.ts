import { describe, expect, it } from 'vitest';
import { parseJson } from '../../main/models/strict-json.ts';

const LIMITS = { depth: 4, values: 20 };

describe('what JSON.parse reads is read the same', () => {
  it.each([
    '{}',
    ' [ 1 , "a" , { "b" : [ null , true , -1.5e3 ] } ] ',
    '"a \\" quote: { [ , and a backslash \\\\"',
    '{"a":"a","b":{"a":1},"c":[{"a":1},{"a":2}]}',
    '["a",":","a",":"]',
    '{"\\u0061":1,"A":2}',
    '{"__proto__":{"x":1},"toString":2}',
    '7',
  ])('%s', (text) => {
    expect(parseJson(text, LIMITS)).toEqual(JSON.parse(text));
  });
});

describe('refused is', () => {
  it.each([
    ['a name that is there twice', '{"a":1,"a":2}', /^"a" is there twice$/],
    ['one that is written in two ways', '{"a":1,"\\u0061" \n:2}', /^"a" is there twice$/],
    ['one in an inner object', '[{"x":{"b":1,"c":{},"b":2}}]', /^"b" is there twice$/],
    ['one that objects have by nature', '{"__proto__":1,"__proto__":2}', /^"__proto__" is there twice$/],
    ['what is nested too deep', '[[[[[]]]]]', /^it is nested deeper than 4 levels$/],
    ['what has too many values', `[${'1,'.repeat(30)}1]`, /^it has more than 20 values$/],
    ['what has too many objects', `[${'{},'.repeat(15)}{}]`, /^it has more than 20 values$/],
    ['what is no JSON', '{"a":', /JSON/],
    ['a text without end', '"abc', /JSON/],
    ['nothing', '', /JSON/],
  ])('%s', (_what, text, message) => {
    expect(() => parseJson(text, LIMITS)).toThrow(message);
    expect(() => parseJson(text, LIMITS)).toThrow(SyntaxError);
  });

  it('a long text in no more time than it takes to read it', () => {
    const startedAt = performance.now();
    expect(() => parseJson('['.repeat(20_000_000), LIMITS)).toThrow('nested deeper');
    expect(() => parseJson(`"${'x'.repeat(20_000_000)}`, LIMITS)).toThrow(SyntaxError);
    expect(() => parseJson('1 '.repeat(1_000_000), LIMITS)).toThrow(SyntaxError);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
