import { describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generate } from '../../main/llama/generate.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { documentSeed, sampleDocuments } from '../../main/llama/sample-documents.ts';
import { fastEngine } from '../support/engines.ts';
import { randomWeights, readerOf, tinyConfig, variedConfig } from '../support/tiny-llama.ts';

describe.each([
  ['plain', tinyConfig],
  ['with grouped heads and a window', variedConfig],
])('documents written side by side, by a model that is %s', (_, config) => {
  it('are each what the model writes alone, and end at the stop or at the length', async () => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const model = await loadLlama(engine, { config, read: readerOf(randomWeights(config)) });
    const options = { startId: 1, stopId: 2, maxTokens: 12, temperature: 1.5, seed: 9 };
    const together = await sampleDocuments(engine, model, { ...options, firstDocument: 3, documents: 10 });
    for (const [row, ids] of together.entries()) {
      const { temperature, stopId, maxTokens } = options;
      const alone = await generate(engine, model, [1], { maxTokens, temperature, seed: documentSeed(9, 3 + row), stopIds: [stopId] });
      expect(ids).toEqual(alone);
    }
    expect(new Set(together.map(String)).size).toBeGreaterThan(5);
    expect(together.every((ids) => ids.length <= 12 && !ids.includes(2))).toBe(true);
    disposeLlama(model);
  });
});
