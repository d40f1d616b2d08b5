/**
 * Trains the embedded base model from nothing with Strata's own trainer (method `full`) and writes it to resources/base.
 *
 *   node scripts/base/train-base.ts --corpus DIR --work DIR [--steps N]
 *
 * --corpus is the folder that prepare-corpus.ts made; --work keeps shards and checkpoints, so that a second call goes on where
 * the first one ended. See README.md beside this file.
 */
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { blockParameters, type LlamaConfig, modelParameters } from '../../shared/domain/llama-config.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { buildTokenShards } from '../../main/datasets/token-shard.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { writeSafetensors } from '../../main/models/safetensors.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { toHuggingFaceConfig } from '../../main/models/model-config.ts';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import type { TrainResult } from '../../main/training/messages.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';

const { values } = parseArgs({
  options: { corpus: { type: 'string' }, work: { type: 'string' }, steps: { type: 'string', default: '6000' } },
});
if (!values.corpus || !values.work) throw new Error('Usage: node scripts/base/train-base.ts --corpus DIR --work DIR [--steps N]');
const [corpus, work, steps] = [values.corpus, values.work, Number(values.steps)];

const RESOURCES = join(import.meta.dirname, '../../resources/base');
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];
const BATCH = 16;
const CONTEXT = 256;
const SEED = 20_261_124;

const encoder = await loadContentEncoder(RESOURCES);
const { tokenizer } = encoder;
const config: LlamaConfig = {
  hiddenSize: 192,
  intermediateSize: 512,
  blocks: 6,
  heads: 6,
  keyValueHeads: 3,
  headSize: 32,
  vocabularySize: tokenizer.vocabularySize,
  contextLength: CONTEXT,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: null,
  slidingWindow: null,
  attentionBias: false,
  mlpBias: false,
  tiedEmbeddings: true,
  bosTokenId: tokenizer.bosTokenId,
  eosTokenId: tokenizer.eosTokenId,
};
console.log(`${modelParameters(config).toLocaleString('en')} parameters, ${blockParameters(config).toLocaleString('en')} a block`);

await mkdir(work, { recursive: true });
const initial = join(work, 'initial');
if (!existsSync(join(initial, 'model.safetensors'))) await writeInitialModel(initial);

const dataset = join(work, 'corpus');
await writeCorpusDataset(dataset);
const shards = await buildTokenShards(dataset, encoder);
console.log(`${shards.trainTokens.toLocaleString('en')} training tokens, ${shards.heldOutTokens.toLocaleString('en')} held-out tokens`);

const configuration: RunConfiguration = {
  baseModel: { id: 'initial', name: 'initial', hash: 'initial' },
  method: { name: 'full' },
  datasets: [{ id: 'corpus', name: 'corpus', role: 'new', hash: 'corpus' }],
  replayShare: 0,
  steps,
  batch: BATCH,
  microBatch: BATCH,
  context: CONTEXT,
  packing: 'plain',
  learningRate: 2e-3,
  learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
  warmup: 0.02,
  schedule: { name: 'cosine' },
  finalLearningRate: 0.05,
  // Several times the usual: with 0.1 the held-out loss rose from step 3,200 on.
  weightDecay: 0.6,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  clipNorm: 1,
  seed: SEED,
  evaluation: { everySteps: 200, tokens: 100_000 },
  checkpointEverySteps: 200,
  engine: 'auto',
};
const runDirectory = join(work, 'run');
const trained = join(work, 'trained');
await mkdir(runDirectory, { recursive: true });
const job = {
  kind: 'train' as const,
  configuration,
  baseModelDirectory: initial,
  shards: [{ datasetId: 'corpus', role: 'new' as const, trainPath: shards.trainPath, heldOutPath: shards.heldOutPath }],
  runDirectory,
  modelDirectory: trained,
};
const executor = new ProcessExecutor({ engineDirectory: engineDirectory() });
const handle = executor.start(job, (event) => {
  if (event.type === 'activity') console.log(event.text);
  if (event.type === 'evaluation') console.log(`step ${event.step}: held-out loss ${event.evaluation.new.loss.toFixed(4)}`);
  if (event.type === 'progress' && event.step % 50 === 0) {
    const loss = event.points.findLast((point) => point.series === 'loss.train')?.value;
    console.log(
      `step ${event.step}: loss ${loss?.toFixed(3)}, ${event.tokensPerSecond.toFixed(0)} tokens/s, ${((event.secondsLeft ?? 0) / 60).toFixed(0)} min left`,
    );
  }
});
process.once('SIGINT', () => handle.control('interrupt'));
process.once('SIGTERM', () => handle.control('stop'));
const result = (await handle.finished) as TrainResult;
if (!result.saved) {
  console.log(`Ended at step ${result.stepsDone}; call again to go on.`);
  process.exit(130);
}

await writeHalfPrecision(trained, RESOURCES);
const figures = {
  parameters: modelParameters(config),
  steps: result.stepsDone,
  tokens: result.tokens.total,
  corpusTokens: shards.trainTokens,
  seconds: Math.round(result.seconds),
  heldOut: result.final?.new,
};
await writeFile(join(work, 'figures.json'), JSON.stringify(figures, null, 2));
console.log(JSON.stringify(figures, null, 2));

/** Random weights as GPT-2 and LLaMA start: deviation 0.02, the two matrices that write into the residual stream smaller with depth. */
async function writeInitialModel(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const normal = normalStream(randomStream(SEED));
  const residual = 0.02 / Math.sqrt(2 * config.blocks);
  await writeSafetensors(
    join(directory, 'model.safetensors'),
    llamaTensors(config).map(({ name, shape }) => ({
      name,
      shape,
      dtype: 'F32' as const,
      data: () => {
        const length = shape.reduce((product, axis) => product * axis, 1);
        if (shape.length === 1) return new Float32Array(length).fill(1);
        const deviation = /(o_proj|down_proj)/.test(name) ? residual : 0.02;
        return Float32Array.from({ length }, () => deviation * normal());
      },
    })),
  );
  await writeFile(join(directory, 'config.json'), JSON.stringify(toHuggingFaceConfig(config, undefined, 'float32'), null, 2));
  for (const file of TOKENIZER_FILES) await copyFile(join(RESOURCES, file), join(directory, file));
}

/** The corpus with its own split: whole works were held out when it was prepared. */
async function writeCorpusDataset(directory: string): Promise<void> {
  if (existsSync(join(directory, 'documents.jsonl'))) return;
  await mkdir(directory, { recursive: true });
  const lines: string[] = [];
  for (const [file, heldOut] of [
    ['corpus-train.jsonl', false],
    ['corpus-heldout.jsonl', true],
  ] as const) {
    for (const line of (await readFile(join(corpus, file), 'utf8')).split('\n')) {
      if (line !== '') lines.push(JSON.stringify({ text: (JSON.parse(line) as { text: string }).text, heldOut }));
    }
  }
  await writeFile(join(directory, 'documents.jsonl.part'), lines.join('\n') + '\n');
  await rename(join(directory, 'documents.jsonl.part'), join(directory, 'documents.jsonl'));
}

/** Weights as 16-bit floats: half the size in the repository, and what the model card's figures are measured on. */
async function writeHalfPrecision(source: string, destination: string): Promise<void> {
  const folder = await openModelFolder(source);
  await writeSafetensors(
    join(destination, 'model.safetensors'),
    llamaTensors(folder.config).map(({ name, shape }) => ({ name, shape, dtype: 'F16' as const, data: () => folder.readTensor(name) })),
    { format: 'pt' },
  );
  await folder.close();
  await writeFile(join(destination, 'config.json'), JSON.stringify(toHuggingFaceConfig(config, undefined, 'float16'), null, 2) + '\n');
}
