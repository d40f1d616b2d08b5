import type { Engine } from '../engine/engine.ts';
import { disposeLlama, type Llama, loadLlama } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import { PairEncoder } from './encode-pair.ts';

/** A saved model, loaded to be scored. */
export interface ScoredModel {
  engine: Engine;
  model: Llama;
  tokenizer: TextTokenizer;
  encoder: PairEncoder;
}

/** Does work with a model of the disk, and frees it. */
export async function withScoredModel<Result>(
  directory: string,
  engine: Engine,
  work: (model: ScoredModel) => Promise<Result>,
): Promise<Result> {
  const folder = await openModelFolder(directory);
  const tokenizer = await loadTokenizer(directory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
  await folder.close();
  try {
    return await work({ engine, model, tokenizer, encoder: new PairEncoder(tokenizer, folder.config.contextLength) });
  } finally {
    disposeLlama(model);
  }
}
