import type { Engine } from '../engine/engine.ts';
import { largestLogitDifference } from '../llama/measure.ts';
import { disposeLlama, type Llama, loadLlama, withoutInserted } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import type { VerifyJob } from './messages.ts';

export interface Verification {
  /** Between the whole expanded model and its base: 0 until the inserted blocks are trained. Null without the base, or when it is not finite. */
  maxLogitDifference: number | null;
  /** Between the base and the expanded model with its inserted blocks left out: always 0. Null without the base, or when it is not finite. */
  bypassDifference: number | null;
  /** Of the text that they were compared on. */
  tokens: number;
  engine: string;
  problems: string[];
}

/** Real text of several kinds: prose, numbers, code, other scripts. */
const PASSAGES = [
  'The old lighthouse keeper climbed the stairs every evening, and every morning he wrote the number of ships that had passed.',
  'In 1859 there were 1,204 of them; by 1901 only 37 remained, or about 3 % of the first count (see table 2).',
  'for (let index = 0; index < items.length; index++) {\n  if (items[index] === null) continue;\n  total += items[index].price;\n}\n',
  'Der Fluss fließt ruhig durch die Stadt. Où est la gare ? 東京は今日も雨です。',
];

/** Opens an expanded model and its base anew from disk and compares what they compute, to the last bit. */
export async function verifyExpansion(job: VerifyJob, engine: Engine): Promise<Verification> {
  const folder = await openModelFolder(job.modelDirectory);
  const tokenizer = await loadTokenizer(job.modelDirectory);
  const insertedBefore = job.positions ?? folder.plan?.inserted.map(({ position }) => position) ?? [];
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), insertedBefore });
  const problems: string[] = [];
  let maxLogitDifference: number | null = null;
  let bypassDifference: number | null = null;
  let tokens = 0;
  const base = job.baseModelDirectory === null ? null : await loadBase(job.baseModelDirectory, engine);
  if (base) {
    const limit = Math.min(folder.config.contextLength, base.config.contextLength);
    const windows = PASSAGES.map((text) => Int32Array.from(tokenizer.encode(text).slice(0, limit))).filter((ids) => ids.length > 0);
    tokens = windows.reduce((sum, { length }) => sum + length, 0);
    maxLogitDifference = finite(await largestLogitDifference(engine, base, model, windows));
    bypassDifference = finite(await largestLogitDifference(engine, base, withoutInserted(model), windows));
    if (maxLogitDifference === null) problems.push('The model or its base computes infinite or undefined logits.');
    if (bypassDifference !== 0) {
      const difference = bypassDifference === null ? 'and the difference is not a number' : `by up to ${bypassDifference}`;
      problems.push(`Without its inserted blocks the model differs from its base ${difference}; it should be the base.`);
    }
    disposeLlama(base);
  }
  disposeLlama(model);
  await folder.close();
  return { maxLogitDifference, bypassDifference, tokens, engine: engine.name, problems };
}

function finite(difference: number): number | null {
  return Number.isFinite(difference) ? difference : null;
}

async function loadBase(directory: string, engine: Engine): Promise<Llama> {
  const folder = await openModelFolder(directory);
  const base = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name) });
  await folder.close();
  return base;
}
