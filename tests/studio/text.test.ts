import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fastEngine } from '../support/engines.ts';
import { until } from '../support/studio-runs.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
  const common = {
    model: 'tiny',
    newDatasets: ['code'],
    oldDatasets: [],
    method: 'expand' as const,
    place: 'even',
    context: 32,
    batch: 2,
    engine: fastEngine,
  };
  const { id } = await tiny.studio.runs.start({
    ...common,
    name: 'learned',
    steps: 20,
    learningRate: 0.05,
    advanced: { evaluationTokens: 64 },
  });
  await until(tiny.studio, id, ({ status }) => status === 'done');
  tiny.studio.history.rename({ run: id, name: 'the run' });
  const paused = await tiny.studio.runs.start({ ...common, name: 'unfinished', steps: 1_000_000 });
  await tiny.studio.runs.pause({ run: paused.id });
});
afterAll(() => tiny.remove());

const generate = (model: string, bypass = false): Promise<{ text: string; tokenIds: number[] }> =>
  tiny.studio.text.generate({ model, prompt: 'let ', maxTokens: 8, temperature: 0, seed: 0, bypass, engine: fastEngine });

it('a model answers by its name, and by the run that made it; without its inserted blocks as its base', async () => {
  const [byModel, byRun, bypassed, base] = [
    await generate('learned'),
    await generate('the run'),
    await generate('learned', true),
    await generate('tiny'),
  ];
  expect(byRun).toEqual(byModel);
  expect(bypassed).toEqual(base);
  expect(byModel.tokenIds).not.toEqual(base.tokenIds);
});

it('a text is measured by a model or a run', async () => {
  const text = join(tiny.directory, 'text.txt');
  await writeFile(text, 'let total = count + 7;\n'.repeat(20));
  const evaluate = (model: string): ReturnType<typeof tiny.studio.text.evaluate> =>
    tiny.studio.text.evaluate({ model, files: [text], engine: fastEngine });
  const [learned, base] = [await evaluate('the run'), await evaluate('tiny')];
  expect(learned).toMatchObject({ bytes: 460, tokens: base.tokens });
  expect(learned.lossPerToken).toBeLessThan(base.lossPerToken); // it was trained on such text
});

it('a run that has made no model yet, and a name that nothing has, are refused', async () => {
  await expect(generate('unfinished')).rejects.toMatchObject({ code: 'CONFLICT', exitCode: 2, found: 'run "unfinished" is paused' });
  await expect(generate('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND', exitCode: 2, found: 'nothing' });
});
