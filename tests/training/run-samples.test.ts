import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { TrainerEvent, TrainJob } from '../../main/training/messages.ts';
import { LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';

import type { SamplePrompt, SamplesAtStep } from '../../shared/domain/text-samples.ts';
import { fastEngine } from '../support/engines.ts';
import { plainLogits } from '../support/plain-llama.ts';
import { after, prepareTinyTraining, type TinyTraining, trainHere, weightsFile } from '../support/train-jobs.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { byteModelConfig, writeTinyModel } from '../support/workspace.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

const PROMPTS = ['let ', 'The keeper'];
const samples = { everySteps: 4, tokens: 12, prompts: PROMPTS };
/** Fast enough to write other text than the base. */
const learning = { steps: 10, learningRate: 0.05 };

const promptsOf = (events: readonly TrainerEvent[]): SamplePrompt[] | undefined =>
  events.find((event) => event.type === 'prompts')?.prompts;
const samplesOf = (events: readonly TrainerEvent[]): SamplesAtStep[] =>
  events.flatMap((event) => (event.type === 'samples' ? [event.samples] : []));

/** What a model's files write: the likeliest token, one after the other, in plain loops over the whole text each time. */
async function plainText(directory: string, prompt: string, tokens: number): Promise<string> {
  const folder = await openModelFolder(directory);
  const tokenizer = await loadTokenizer(directory);
  const weights = new Map<string, Float32Array>();
  for (const name of namesOf(await readFile(join(directory, 'model.safetensors')))) weights.set(name, await folder.readTensor(name));
  await folder.close();
  const ids = tokenizer.encode(prompt);
  const prompted = ids.length;
  while (ids.length < prompted + tokens) {
    const logits = plainLogits(folder.config, weights, ids).at(-1)!;
    const next = logits.indexOf(Math.max(...logits));
    if (next === tokenizer.eosTokenId) break;
    ids.push(next);
  }
  return tokenizer.decode(ids).slice(tokenizer.decode(ids.slice(0, prompted)).length);
}

function namesOf(file: Buffer): string[] {
  const header = JSON.parse(file.toString('utf8', 8, 8 + Number(file.readBigUInt64LE(0)))) as Record<string, unknown>;
  return Object.keys(header).filter((name) => name !== '__metadata__');
}

describe('samples of text', () => {
  let job: TrainJob;
  let run: Awaited<ReturnType<typeof trainHere>>;
  beforeAll(async () => {
    job = tiny.job('sampled', { ...learning, samples });
    run = await trainHere(job);
  });

  it('are written every so many steps and at the end, after what they begin with', () => {
    expect(samplesOf(run.events).map(({ step }) => step)).toEqual([4, 8, 10]);
    expect(promptsOf(run.events)!.map(({ prompt, role }) => [prompt, role])).toEqual(PROMPTS.map((prompt) => [prompt, null]));
    const types = run.events.map(({ type }) => type);
    expect(types.indexOf('prompts')).toBeLessThan(types.indexOf('samples'));
  });

  it('are what base and result write by themselves, as a plain LLaMA in loops finds', async () => {
    const bases = promptsOf(run.events)!.map(({ base }) => base);
    const texts = samplesOf(run.events).at(-1)!.texts;
    for (const [index, prompt] of PROMPTS.entries()) {
      expect(bases[index], prompt).toBe(await plainText(tiny.sources.model, prompt, 12));
      expect(texts[index], prompt).toBe(await plainText(job.modelDirectory, prompt, 12));
    }
    expect(texts).not.toEqual(bases);
  });

  it.each<[string, Method, number]>([
    ['expand', { name: 'expand', plan: planExpansion(4, 2, 'even') }, 0.3],
    ['lora', { name: 'lora', rank: 2, alpha: 4, targets: [...LORA_TARGETS] }, 0.3],
    ['full', { name: 'full' }, 0.3],
    ['full, without a base beside it,', { name: 'full' }, 0],
  ])('leave the weights of a run as they are without: %s', async (name, method, replayShare) => {
    const old = replayShare === 0 ? { datasets: tiny.job('x').configuration.datasets.slice(0, 1) } : {};
    const at = (which: string, changes: Partial<TrainJob['configuration']>): TrainJob => {
      const made = tiny.job(`${name} ${which}`, { ...learning, method, replayShare, ...old, ...changes });
      return replayShare === 0 ? { ...made, shards: made.shards.slice(0, 1) } : made;
    };
    const [plain, sampled] = [at('plain', {}), at('sampled', { samples: { everySteps: 1, tokens: 12 } })];
    await trainHere(plain);
    const { events, result } = await trainHere(sampled);
    expect(samplesOf(events)).toHaveLength(10);
    expect((await weightsFile(sampled)).equals(await weightsFile(plain))).toBe(true);
    expect(result.samplingSeconds).toBeGreaterThan(0);
    // Whatever is trained, what the base wrote is the start's own text.
    const [{ prompt, base }] = promptsOf(events) as [SamplePrompt];
    expect(base.length).toBeGreaterThan(0);
    expect(prompt.length).toBeGreaterThan(0);
  });

  it('go on where a run was paused: the same texts, the base’s from before step 1, and the same weights', async () => {
    const changes = { ...learning, samples };
    const first = tiny.job('paused', changes);
    const paused = await trainHere(
      first,
      after((event) => event.type === 'samples', 'pause'),
    );
    expect(paused.result).toMatchObject({ outcome: 'paused', stepsDone: 4 });
    const resumed = await trainHere(tiny.job('paused', changes));
    // What was written before is told again, for who has not heard of it.
    expect(samplesOf(resumed.events)).toEqual(samplesOf(run.events));
    expect(promptsOf(resumed.events)).toEqual(promptsOf(run.events));
    expect(resumed.events.some((event) => event.type === 'activity' && event.text.includes('base write'))).toBe(false);
    expect((await weightsFile(first)).equals(await weightsFile(job))).toBe(true);
    expect(resumed.result.samplingSeconds).toBeGreaterThan(paused.result.samplingSeconds);
  });

  it('begin with held-out text of both roles, and say how it goes on, where nobody chose', async () => {
    const { events } = await trainHere(tiny.job('by itself', { steps: 1, samples: { everySteps: 5, tokens: 12 } }));
    const prompts = promptsOf(events)!;
    expect(prompts.map(({ role, datasetId }) => `${role} ${datasetId}`)).toEqual(['new code', 'old stories']);
    for (const { prompt, goesOn, datasetId } of prompts) {
      const folder = datasetId === 'code' ? tiny.datasets.new : tiny.datasets.old;
      const heldOut = (await readFile(join(folder, 'documents.jsonl'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { content: { text: string }; heldOut: boolean })
        .filter((document) => document.heldOut);
      expect(heldOut.some(({ content }) => content.text.includes(prompt + goesOn!))).toBe(true);
      expect(goesOn!.length).toBeGreaterThan(0);
    }
    expect(new Set(prompts.map(({ prompt }) => prompt)).size).toBe(2);
  });

  it('are no part of the speed: it is that of the steps alone', () => {
    const speeds = run.events.flatMap((event) =>
      event.type === 'progress' ? event.points.filter(({ series }) => series === 'tokensPerSecond') : [],
    );
    const seconds = speeds.reduce((sum, { value }) => sum + (4 * 32) / value, 0);
    expect(run.result.tokensPerSecond / ((10 * 4 * 32) / seconds)).toBeCloseTo(1, 9);
    expect(run.result.seconds).toBeGreaterThan(seconds + run.result.samplingSeconds);
  });

  it('free every tensor that they make: more of them leave no more behind', async () => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const left = async (everySteps: number): Promise<number> => {
      const before = engine.liveTensors();
      await trainHere(tiny.job(`every ${everySteps}`, { steps: 6, samples: { everySteps, tokens: 12 } }));
      return engine.liveTensors() - before;
    };
    expect(await left(1)).toBe(await left(6)); // an engine keeps its constants
  });

  it('are written by a model whose frozen matrices lie in two bytes, too', async () => {
    const rounded = new Map(
      [...randomWeights(byteModelConfig)].map(([name, values]) => {
        const bits = new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
        return [name, new Float32Array(bits.map((each) => each & 0xffff0000).buffer)] as const;
      }),
    );
    const model = join(tiny.directory, 'narrow');
    await writeTinyModel(model, { weights: rounded });
    const narrow = { ...tiny.job('narrow', { ...learning, samples }), baseModelDirectory: model };
    const { events } = await trainHere(narrow);
    expect(promptsOf(events)![0]!.base).toBe(await plainText(model, PROMPTS[0]!, 12));
    expect(samplesOf(events).at(-1)!.texts[1]).toBe(await plainText(narrow.modelDirectory, PROMPTS[1]!, 12));
  });

  it('refuse a beginning that is longer than the model can read', async () => {
    const long = tiny.job('long', { samples: { ...samples, prompts: ['a'.repeat(2000)] } });
    await expect(trainHere(long)).rejects.toMatchObject({ code: 'BAD_INPUT', message: 'The prompt is longer than the model can read.' });
  });
});
