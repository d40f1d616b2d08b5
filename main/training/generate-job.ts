import { StrataError } from '../../shared/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { generate } from '../llama/generate.ts';
import { loadLlama, withoutInserted } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import type { GenerateJob } from './messages.ts';

/** Continues a prompt with a saved model, with its inserted blocks or without. */
export async function generateText(job: GenerateJob, engine: Engine): Promise<{ text: string; tokenIds: number[] }> {
  const folder = await openModelFolder(job.modelDirectory);
  const tokenizer = await loadTokenizer(job.modelDirectory);
  if (job.bypass && folder.plan === null) {
    await folder.close();
    throw new StrataError('BAD_INPUT', 'This model has no inserted blocks to leave out.', {
      found: job.modelDirectory,
      allowed: 'a model made by expansion',
      hint: 'Ask the base itself for its answer.',
    });
  }
  const insertedBefore = folder.plan?.inserted.map(({ position }) => position) ?? [];
  const loaded = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), insertedBefore });
  const model = job.bypass ? withoutInserted(loaded) : loaded;
  let promptIds = tokenizer.encode(job.prompt);
  if (promptIds.length === 0) {
    if (tokenizer.bosTokenId === null) {
      throw new StrataError('BAD_INPUT', 'The prompt is empty, and this model has no token to start from.', {
        hint: 'Give a prompt of at least one character.',
      });
    }
    promptIds = [tokenizer.bosTokenId];
  }
  if (promptIds.length > folder.config.contextLength) {
    throw new StrataError('BAD_INPUT', 'The prompt is longer than the model can read.', {
      found: `${promptIds.length} tokens`,
      allowed: `${folder.config.contextLength} tokens`,
    });
  }
  const { maxTokens, temperature, seed } = job;
  const stopIds = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const tokenIds = await generate(engine, model, promptIds, { maxTokens, temperature, seed, stopIds });
  await folder.close();
  // A tokenizer may strip the space that starts a text: the continuation is what follows the prompt's own text.
  const text = tokenizer.decode([...promptIds, ...tokenIds]).slice(tokenizer.decode(promptIds).length);
  return { text, tokenIds };
}
