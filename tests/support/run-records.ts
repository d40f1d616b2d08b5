import type { StoredDataset } from '../../main/store/datasets.ts';
import type { StoredModel } from '../../main/store/models.ts';
import type { NewRun } from '../../main/store/runs.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';

const plan = { schemaVersion: 1 as const, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] };

/** Records as the database keeps them, with every field filled; a test changes what it is about. */

export function modelRecord(changes: Partial<StoredModel> = {}): StoredModel {
  return {
    id: 'base-1',
    name: 'base',
    architecture: 'LlamaForCausalLM',
    parameters: 656_000,
    blocks: 5,
    vocabularySize: 2048,
    contextLength: 512,
    path: '/workspace/models/base-1',
    bytes: 2_626_168,
    hash: 'a'.repeat(64),
    baseModel: 'older-1',
    run: null,
    plan,
    line: [
      {
        id: 'base-1',
        name: 'base',
        base: { name: 'older', hash: 'd'.repeat(64) },
        method: { name: 'expand', plan },
        importance: null,
        training: null,
      },
    ],
    source: '/downloads/base',
    createdAt: '2026-01-02T03:04:05.678Z',
    ...changes,
  };
}

export function datasetRecord(changes: Partial<StoredDataset> = {}): StoredDataset {
  return {
    id: 'code-1',
    name: 'code',
    documents: 60,
    heldOutDocuments: 12,
    bytes: 14_000,
    hash: 'b'.repeat(64),
    path: '/workspace/datasets/code-1',
    source: '/downloads/code.jsonl, /downloads/more',
    createdAt: '2026-01-02T03:04:05.678Z',
    origin: 'https://example.org/code',
    licence: 'MIT',
    kinds: { text: 50, chat: 10 },
    languages: [
      { language: 'en', share: 0.75 },
      { language: 'unknown', share: 0.25 },
    ],
    version: 2,
    parent: 'code-0',
    sampleOf: { id: 'whole-1', name: 'whole', hash: 'e'.repeat(64) },
    ...changes,
  };
}

export function configurationRecord(changes: Partial<RunConfiguration> = {}): RunConfiguration {
  return {
    baseModel: { id: 'base-1', name: 'base', hash: 'a'.repeat(64) },
    method: { name: 'expand', plan: { schemaVersion: 1, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] } },
    datasets: [
      { id: 'code-1', name: 'code', role: 'new', hash: 'b'.repeat(64) },
      { id: 'stories-1', name: 'stories', role: 'old', hash: 'c'.repeat(64) },
    ],
    replayShare: 0.1,
    steps: 40,
    batch: 4,
    microBatch: 4,
    context: 32,
    packing: 'plain',
    learningRate: 0.002,
    learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
    warmup: 0.06,
    schedule: { name: 'cosine' },
    finalLearningRate: 0.1,
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    clipNorm: 1,
    seed: 1,
    evaluation: { everySteps: 10, tokens: 512 },
    checkpointEverySteps: 10,
    engine: 'auto',
    ...changes,
  };
}

/** With every setting that a run can have. */
export const fullConfiguration: RunConfiguration = configurationRecord({
  replayReason: 'As chosen.',
  rendering: { completions: 'chat', learn: 'all' },
  importance: {
    ...{ modelHash: 'a'.repeat(64), datasets: [{ name: 'stories', hash: 'c'.repeat(64) }], context: 32, windows: 4, tokens: 124 },
    ...{ loss: 3, blocks: [], seconds: 1, createdAt: '2026-01-02T03:04:05.678Z' },
  } as unknown as RunConfiguration['importance'] & object,
  learningRateFactors: { embeddings: 0.5, norms: 2, attention: 3, mlp: 4, inserted: 5, adapters: 6 },
  schedule: { name: 'wsd', decay: 0.2, shape: '1-sqrt' },
  evaluation: { everySteps: 8, tokens: 1024, tokensAtEnds: 4096, order: 'spread' },
  samples: { everySteps: 10, tokens: 24, prompts: ['Once', 'def f'] },
  past: [{ id: 'tales-1', name: 'tales', hash: 'd'.repeat(64) }],
  guard: { measure: 'loss', limit: 0.05, action: 'warn', fromStart: false },
  learningRate: 2e-5,
  epsilon: 1e-8,
});

/** What a run is inserted with. */
export const runRecord = (id = 'run-1'): NewRun => ({
  id,
  name: `run ${id}`,
  status: 'preparing',
  configuration: configurationRecord(),
  directory: `/workspace/runs/${id}`,
  createdAt: '2026-01-02T03:04:05.678Z',
  ownerPid: 4242,
  heartbeatAt: '2026-01-02T03:04:06.000Z',
  trainableParameters: 2336,
  trainableTensors: ['model.layers.4.mlp.down_proj.weight'],
  addedParameters: 2336,
});
