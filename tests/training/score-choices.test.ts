import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { PairEncoder } from '../../main/training/encode-pair.ts';
import { drawItems, rowsOfText } from '../../main/training/item-rows.ts';
import { scoreChoices } from '../../main/training/score-choices.ts';
import { withScoredModel } from '../../main/training/scored-model.ts';
import type { ChoiceForm } from '../../shared/domain/evaluation/choice-item.ts';
import type { ChoiceResult } from '../../shared/domain/evaluation/choice-result.ts';
import type { ItemRow } from '../../shared/domain/evaluation/row-fields.ts';
import { fastEngine } from '../support/engines.ts';

/** Beside what lm-evaluation-harness answered: tests/parity/score.test.ts recorded it. */

const base = join(import.meta.dirname, '../../resources/base');
const fixtures = join(import.meta.dirname, '../fixtures/evaluation');
type Wanted = Omit<ChoiceResult, 'line' | 'gold' | 'tokens'> & { right: boolean[] };

let engine: Engine;
let sets: { form: ChoiceForm; rows: ItemRow[] }[];
let recorded: Wanted[][];
beforeAll(async () => {
  engine = await loadEngine(fastEngine, engineDirectory());
  sets = JSON.parse(await readFile(join(fixtures, 'choices.json'), 'utf8')) as typeof sets;
  recorded = JSON.parse(await readFile(join(fixtures, 'choices.lm-eval.json'), 'utf8')) as Wanted[][];
});

it('every form is scored as lm-evaluation-harness scores it, and nothing is left in the engine', async () => {
  const before = engine.liveTensors();
  await withScoredModel(base, engine, async (model) => {
    for (const [index, { form, rows }] of sets.entries()) {
      const numbered = rows.map((row, place) => ({ row, line: place + 1 }));
      const told: number[] = [];
      const results = await scoreChoices(model, numbered, null, (done, of) => {
        told.push(done / of);
        return Promise.resolve();
      });
      expect(told.at(-1)).toBe(1);
      for (const [place, result] of results.entries()) {
        const wanted = recorded[index]![place]!;
        expect(result.line).toBe(place + 1);
        expect(result.greedy, form).toEqual(wanted.greedy);
        expect(result.choice, form).toBe(wanted.choice);
        expect(result.choice === result.gold, form).toBe(wanted.right[0]);
        // The harness would divide Winogrande's sums by the lengths of the options, which it does not score.
        if (form !== 'winogrande') expect([result.perByte, result.perCharacter], form).toEqual([wanted.perByte, wanted.perCharacter]);
        for (const [choice, sum] of result.logLikelihoods.entries()) {
          expect(Math.abs(sum / wanted.logLikelihoods[choice]! - 1), form).toBeLessThan(1e-4);
        }
      }
    }
  });
  expect(engine.liveTensors()).toBe(before);
});

it('choices of one question in any order, and among any others, are scored alike', async () => {
  const row = (choices: string[]): { row: ItemRow; line: number } => ({ row: { query: 'Once upon a time', choices, gold: 0 }, line: 1 });
  await withScoredModel(base, engine, async (model) => {
    const nothing = (): Promise<void> => Promise.resolve();
    const [first] = await scoreChoices(model, [row(['there was', 'a', 'a'])], null, nothing);
    const [, second] = await scoreChoices(model, [row(['x '.repeat(90), 'b']), row(['a', 'there was', 'a'])], null, nothing);
    expect(first!.logLikelihoods[1]).toBe(first!.logLikelihoods[2]);
    expect(second!.logLikelihoods[1]).toBeCloseTo(first!.logLikelihoods[0]!, 4);
  });
});

describe('texts become ids for scoring', () => {
  const encoder = async (contextLength: number): Promise<{ pairs: PairEncoder; encode: (text: string) => number[] }> => {
    const tokenizer = await loadTokenizer(base);
    return { pairs: new PairEncoder(tokenizer, contextLength), encode: (text) => tokenizer.encode(text) };
  };

  it('both together, white space at the end of the context belonging to what follows', async () => {
    const { pairs, encode } = await encoder(64);
    for (const [context, continuation] of [
      ['Once upon a', ' time'],
      ['Once upon a \n', 'time'],
    ] as const) {
      const { inputs, targets } = pairs.pair(context, continuation, 'line 1');
      const whole = encode(context + continuation);
      expect([...inputs]).toEqual(whole.slice(0, -1));
      expect([...targets]).toEqual(whole.slice(encode(context.trimEnd()).length));
    }
  });

  it('what is too long loses its beginning, never what is scored', async () => {
    const { pairs, encode } = await encoder(8);
    const { inputs, targets } = pairs.pair('one two three four five six seven eight nine ten', ' eleven', 'line 1');
    const whole = encode('one two three four five six seven eight nine ten eleven');
    expect([...inputs]).toEqual(whole.slice(-9, -1));
    expect([...targets]).toEqual(whole.slice(whole.length - targets.length));
    expect(() => pairs.pair('a', ` ${'long '.repeat(30)}`, 'line 5')).toThrow(/line 5 cannot be scored/);
  });
});

it('items are drawn by a seed: a larger limit adds to a smaller one', () => {
  const items = Array.from({ length: 100 }, (_, index) => index);
  const ten = drawItems(items, 10, 3);
  expect(new Set(ten).size).toBe(10);
  expect(ten).toEqual([...ten].sort((a, b) => a - b));
  expect(drawItems(items, 20, 3)).toEqual(expect.arrayContaining(ten));
  expect(drawItems(items, 10, 4)).not.toEqual(ten);
  expect(drawItems(items, null, 3)).toEqual(items);
});

it('a file is read line by line, and what is no object is refused with its line', () => {
  expect(rowsOfText('{"a":1}\n\n{"a":2}\n', 'x.jsonl')).toEqual([
    { row: { a: 1 }, line: 1 },
    { row: { a: 2 }, line: 3 },
  ]);
  expect(() => rowsOfText('{"a":1}\n[2]\n', 'x.jsonl')).toThrow(/x\.jsonl, line 2/);
  expect(() => rowsOfText('{"a":1}\n{"a"\n', 'x.jsonl')).toThrow(/x\.jsonl, line 2/);
  expect(() => rowsOfText('\n', 'x.jsonl')).toThrow(/no items/);
});
