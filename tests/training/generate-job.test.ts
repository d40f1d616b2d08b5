import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generateText } from '../../main/training/generate-job.ts';
import type { GenerateJob } from '../../main/training/messages.ts';
import { fastEngine } from '../support/engines.ts';
import { prepareTinyTraining, type TinyTraining, trainHere } from '../support/train-jobs.ts';

let tiny: TinyTraining;
let engine: Engine;
let trained: string;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  engine = await loadEngine(fastEngine, engineDirectory());
  const job = tiny.job('trained', { steps: 30, learningRate: 0.05, evaluation: { everySteps: 100, tokens: 64 } });
  await trainHere(job);
  trained = job.modelDirectory;
});
afterAll(() => tiny.remove());

const generate = (changes: Partial<GenerateJob> = {}): ReturnType<typeof generateText> =>
  generateText(
    {
      kind: 'generate',
      engine: fastEngine,
      modelDirectory: trained,
      prompt: 'let ',
      maxTokens: 12,
      temperature: 0,
      seed: 1,
      bypass: false,
      ...changes,
    },
    engine,
  );

describe('generated text', () => {
  it('with the inserted blocks left out is the base’s own, and with them is not', async () => {
    for (const prompt of ['let total', 'The keeper', '日']) {
      const base = await generate({ prompt, modelDirectory: tiny.sources.model });
      expect(base.tokenIds.length).toBeGreaterThan(0);
      expect(await generate({ prompt, bypass: true })).toEqual(base);
      expect((await generate({ prompt })).tokenIds).not.toEqual(base.tokenIds);
    }
  });

  it('without inserted blocks is refused where there are none: it would be the same model’s answer twice', async () => {
    await expect(generate({ modelDirectory: tiny.sources.model, bypass: true })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });

  it('is the bytes of its tokens, and as long as was asked for', async () => {
    const { text, tokenIds } = await generate({ maxTokens: 5 });
    expect(tokenIds).toHaveLength(5);
    expect(Buffer.from(text).toString()).toBe(Buffer.from(tokenIds).toString());
  });

  it('when sampled depends on the seed and nothing else', async () => {
    const sampled = await generate({ temperature: 1, seed: 7 });
    expect(await generate({ temperature: 1, seed: 7 })).toEqual(sampled);
    expect(await generate({ temperature: 1, seed: 8 })).not.toEqual(sampled);
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
