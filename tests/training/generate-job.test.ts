import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generateText } from '../../main/training/generate-job.ts';
import type { GenerateRequest, JobVoice, SpeechEvent } from '../../main/training/speech-messages.ts';
import { explainText } from '../../main/training/explain-job.ts';
import { LoadedModels } from '../../main/training/voice.ts';
import { fastEngine } from '../support/engines.ts';
import { prepareTinyTraining, type TinyTraining, trainHere } from '../support/train-jobs.ts';

let tiny: TinyTraining;
let engine: Engine;
let trained: string;
let models: LoadedModels;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  engine = await loadEngine(fastEngine, engineDirectory());
  models = new LoadedModels(engine);
  const job = tiny.job('trained', { steps: 30, learningRate: 0.05, evaluation: { everySteps: 100, tokens: 64 } });
  await trainHere(job);
  trained = job.modelDirectory;
});
afterAll(() => tiny.remove());

const generate = (
  changes: Partial<GenerateRequest & JobVoice> = {},
  say?: (event: SpeechEvent) => void,
): ReturnType<typeof generateText> => {
  const { modelDirectory = trained, strengths = null, gate = null, ...rest } = changes;
  const voice = { modelDirectory, strengths, gate };
  return generateText(engine, models, { kind: 'generate', voice, prompt: 'let ', maxTokens: 12, temperature: 0, seed: 1, ...rest }, say);
};

/** Strengths of the six blocks: two were inserted, after blocks 1 and 3 of the base. */
const dial = (strength: number): number[] => [1, 1, strength, 1, 1, strength];

/** What an answer says, without how long it took. */
const said = ({ text, tokenIds }: { text: string; tokenIds: number[] }): unknown => ({ text, tokenIds });

describe('generated text', () => {
  it('with the inserted blocks left out is the base’s own, and with them is not', async () => {
    for (const prompt of ['let total', 'The keeper', '日']) {
      const base = await generate({ prompt, modelDirectory: tiny.sources.model });
      expect(base.tokenIds.length).toBeGreaterThan(0);
      expect(said(await generate({ prompt, strengths: dial(0) }))).toEqual(said(base));
      expect((await generate({ prompt })).tokenIds).not.toEqual(base.tokenIds);
    }
  });

  it('at strength 1 is the model’s own, and between it is neither', async () => {
    const whole = await generate();
    expect(said(await generate({ strengths: dial(1) }))).toEqual(said(whole));
    const views = async (strengths: number[] | null): Promise<number[]> => {
      const heard: number[] = [];
      await generate({ strengths }, (event) => event.kind === 'token' && heard.push(event.logProbability));
      return heard;
    };
    const [half, full, none] = [await views(dial(0.5)), await views(null), await views(dial(0))];
    expect(half[0]).not.toBe(full[0]);
    expect(half[0]).not.toBe(none[0]);
    await expect(generate({ strengths: [1, 0.5, 1, 1, 1, 1] })).rejects.toMatchObject({ code: 'BAD_INPUT', found: '0.5 for block 1' });
  });

  it('is heard token by token, in pieces that are the whole, with the probability of each', async () => {
    const pieces: string[] = [];
    const { text, tokenIds } = await generate({ prompt: 'The ', temperature: 2, maxTokens: 30 }, (event) => {
      if (event.kind === 'token') pieces.push(event.text);
    });
    expect(pieces).toHaveLength(tokenIds.length);
    expect(text.startsWith(pieces.join(''))).toBe(true); // bytes of a character that never ended come with nothing after them
  });

  it('with a gate goes the way that the losses of the prompt say, and says so', async () => {
    const gate = { tokens: 40, positions: [2, 5] };
    const [code, story] = [await generate({ gate, prompt: 'let total = count + 7;' }), await generate({ gate, prompt: 'The ' })];
    for (const [prompt, { gate: decision, ...answer }] of [
      ['let total = count + 7;', code],
      ['The ', story],
    ] as const) {
      const loss = async (strengths: number[]): Promise<number> => {
        const explained = await explainText(engine, models, {
          ...{ kind: 'explain', voices: [{ modelDirectory: trained, strengths, gate: null }], prompt },
          ...{ continuation: '', alternatives: 0, blocks: 0 },
        });
        const values = explained.tokens.flatMap(({ views }) => views?.map(({ logProbability }) => -logProbability) ?? []);
        return values.reduce((sum, each) => sum + each, 0) / values.length;
      };
      const [without, withPack] = [await loss(dial(0)), await loss(dial(1))];
      expect(decision).toMatchObject({ usesPack: withPack < without, tokens: prompt.length });
      expect(decision!.lossWithout).toBeCloseTo(without, 6);
      expect(decision!.lossWith).toBeCloseTo(withPack, 6);
      expect(said(answer)).toEqual(said(await generate({ prompt, strengths: dial(decision!.usesPack ? 1 : 0) })));
    }
    expect(code.gate!.usesPack).toBe(true);
  });

  it('is the bytes of its tokens, and as long as was asked for', async () => {
    const { text, tokenIds } = await generate({ maxTokens: 5 });
    expect(tokenIds).toHaveLength(5);
    expect(Buffer.from(text).toString()).toBe(Buffer.from(tokenIds).toString());
  });

  it('when sampled depends on the seed and nothing else', async () => {
    const sampled = await generate({ temperature: 1, seed: 7 });
    expect(said(await generate({ temperature: 1, seed: 7 }))).toEqual(said(sampled));
    expect((await generate({ temperature: 1, seed: 8 })).tokenIds).not.toEqual(sampled.tokenIds);
  });

  it('of an empty prompt starts from the start token', async () => {
    const { tokenIds } = await generate({ prompt: '' });
    expect(tokenIds).toHaveLength(12);
  });

  it('ends where the model’s context ends', async () => {
    // The prompt takes 61 places with its start token; the token after the last place is the last that can be known.
    const { tokenIds } = await generate({ prompt: 'x'.repeat(60), maxTokens: 100 });
    expect(tokenIds).toHaveLength(64 - 61 + 1);
  });

  it('of a prompt that is longer than the context is refused', async () => {
    await expect(generate({ prompt: 'x'.repeat(64) })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: '65 tokens',
      allowed: '64 tokens',
    });
  });
});
