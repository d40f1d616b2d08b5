import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { evaluateText } from '../../main/training/evaluate-job.ts';
import { type StrataError, toStrataError } from '../../shared/errors.ts';
import { fastEngine } from '../support/engines.ts';
import { referenceLoss } from '../support/reference-llama.ts';
import { randomWeights, shapesOf } from '../support/tiny-llama.ts';
import { byteModelConfig, codeDocuments, writeTinyModel } from '../support/workspace.ts';

let directory: string;
let engine: Engine;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-evaluate-'));
  engine = await loadEngine(fastEngine, engineDirectory());
  await writeTinyModel(join(directory, 'model'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

const evaluate = (files: string[], context: number | null = null, model = 'model'): ReturnType<typeof evaluateText> =>
  evaluateText({ kind: 'evaluate', engine: fastEngine, modelDirectory: join(directory, model), files, context }, engine);

async function refusal(...values: Parameters<typeof evaluate>): Promise<StrataError> {
  try {
    await evaluate(...values);
  } catch (error) {
    return toStrataError(error);
  }
  throw new Error('It was measured.');
}

/** Sum over the windows of a text's tokens, window by window, on a plain LLaMA: start token, then bytes. */
function sumByReference(text: string, context: number): { loss: number; tokens: number } {
  const tokens = [256, ...Buffer.from(text)];
  const weights = randomWeights(byteModelConfig);
  let sum = { loss: 0, tokens: 0 };
  tf.tidy(() => {
    const shapes = shapesOf(byteModelConfig);
    const tensors = Object.fromEntries([...weights].map(([name, values]) => [name, tf.tensor(values, shapes.get(name))]));
    for (let start = 0; start < tokens.length; start += context) {
      const window = tokens.slice(start, start + context);
      const scored = window.length - 1;
      if (scored === 0) continue;
      const mean = referenceLoss(byteModelConfig, tensors, [window.slice(0, -1)], [window.slice(1)]).dataSync()[0]!;
      sum = { loss: sum.loss + mean * scored, tokens: sum.tokens + scored };
    }
  });
  return sum;
}

describe('the loss of a text', () => {
  const text = `${codeDocuments(3).join('\n')}\nÜber Flüsse, 東京.`;

  it.each([16, 50, null])(
    'is the sum over windows of %s tokens, the last short one included, divided by the scored tokens',
    async (context) => {
      const wanted = sumByReference(text, context ?? byteModelConfig.contextLength);
      const measured = await evaluate([await file('text.txt', text)], context);
      expect(measured.tokens).toBe(wanted.tokens);
      expect(measured.bytes).toBe(Buffer.byteLength(text));
      expect(Math.abs(measured.lossPerToken - wanted.loss / wanted.tokens)).toBeLessThan(1e-4);
    },
  );

  it('gives perplexity and bits per byte by their definitions', async () => {
    const { lossPerToken, perplexity, tokens, bytes, bitsPerByte } = await evaluate([await file('text.txt', text)]);
    expect(perplexity).toBeCloseTo(Math.E ** lossPerToken, 6);
    expect(bitsPerByte).toBeCloseTo((lossPerToken * tokens) / Math.log(2) / bytes, 10);
  });

  it('in several files is each file’s own, and gzip changes nothing', async () => {
    const [first, second] = [text.slice(0, 100), text.slice(100)];
    const paths = [await file('first.txt', first), await file('second.txt.gz', gzipSync(second))];
    const sums = [sumByReference(first, 64), sumByReference(second, 64)];
    const measured = await evaluate(paths);
    expect(measured.tokens).toBe(sums[0]!.tokens + sums[1]!.tokens);
    expect(Math.abs(measured.lossPerToken - (sums[0]!.loss + sums[1]!.loss) / measured.tokens)).toBeLessThan(1e-4);
    expect(measured.bytes).toBe(Buffer.byteLength(text));
  });
});

describe('the parts of a measurement', () => {
  it('are the files, then the texts, each with its own loss', async () => {
    const texts = ['let total = 1;', '', 'Über Flüsse'];
    const measured = await evaluateText(
      {
        kind: 'evaluate',
        engine: fastEngine,
        modelDirectory: join(directory, 'model'),
        files: [await file('one.txt', 'one')],
        texts,
        context: 16,
      },
      engine,
    );
    const wanted = ['one', ...texts].map((text) => ({ ...sumByReference(text, 16), bytes: Buffer.byteLength(text) }));
    expect(measured.parts.map(({ tokens, bytes }) => ({ tokens, bytes }))).toEqual(wanted.map(({ tokens, bytes }) => ({ tokens, bytes })));
    expect(measured.parts[2]!.lossPerToken).toBeNull();
    for (const [index, { loss, tokens }] of wanted.entries()) {
      if (tokens > 0) expect(Math.abs(measured.parts[index]!.lossPerToken! - loss / tokens)).toBeLessThan(1e-4);
    }
    const all = wanted.reduce((sum, { loss }) => sum + loss, 0);
    expect(Math.abs(measured.lossPerToken * measured.tokens - all)).toBeLessThan(1e-2);
  });
});

describe('a measurement beside a reference', () => {
  it('of the model itself finds no drift, and names the error of a loss over several texts', async () => {
    const job = { kind: 'evaluate' as const, engine: fastEngine, modelDirectory: join(directory, 'model'), files: [], context: 16 };
    const texts = ['let total = 1;', 'Über Flüsse', 'one two three'];
    const measured = await evaluateText({ ...job, texts, referenceDirectory: job.modelDirectory }, engine);
    expect(measured).toMatchObject({ agreement: { value: 1 }, drift: { value: 0 }, shift: { unshifted: 1, marginal: 0, shifted: 0 } });
    expect(measured.lossError).toBeGreaterThan(0);
    const alone = await evaluateText({ ...job, texts: texts.slice(0, 1) }, engine);
    expect(alone).toMatchObject({ lossError: null, agreement: null, drift: null, shift: null, datasets: [] });
  });
});

describe('what cannot be measured is refused:', () => {
  it.each<[string, string | Buffer, object]>([
    [
      'bytes that are no text',
      Buffer.from([0x66, 0xff, 0xfe, 0x00]),
      { code: 'BAD_INPUT', exitCode: 2, allowed: 'UTF-8 text, plain or gzip (.gz)' },
    ],
    ['an empty file', '', { code: 'BAD_INPUT', exitCode: 2, found: '0 bytes', allowed: 'at least two tokens' }],
  ])('%s', async (_, content, wanted) => {
    expect(await refusal([await file('bad', content)])).toMatchObject(wanted);
  });

  it('a gzip file that was cut off', async () => {
    const path = await file('cut.txt.gz', gzipSync('a'.repeat(1000)).subarray(0, 20));
    const error = await refusal([path]);
    expect(error).toMatchObject({ code: 'BAD_INPUT', message: `${path} is not text.` });
    expect(error.found).toMatch(/unexpected end of file/);
  });

  it('a file that is not there, and a folder', async () => {
    expect(await refusal([join(directory, 'nothing.txt')])).toMatchObject({ code: 'NOT_FOUND', exitCode: 2 });
    expect(await refusal([directory])).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, found: 'a folder' });
  });

  it('a context that is longer than the model’s', async () => {
    const error = await refusal([await file('text.txt', 'some text')], 65);
    expect(error).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, found: '65 tokens', allowed: '2 to 64 tokens' });
  });

  it('a model that computes no numbers: a loss is not invented', async () => {
    const weights = randomWeights(byteModelConfig);
    weights.get('model.norm.weight')![0] = NaN;
    await writeTinyModel(join(directory, 'undefined'), { weights });
    const error = await refusal([await file('text.txt', 'some text')], null, 'undefined');
    expect(error).toMatchObject({ code: 'ENGINE', exitCode: 1, found: 'a loss of NaN' });
  });
});
