import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentTokensSchema } from '../../shared/contract/datasets.ts';
import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import { buildTokenShards } from '../../main/datasets/token-shard.ts';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import { openStudioAt, openTinyStudio, storyDocuments, type TinyStudio, writeDocuments } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

function request(
  more: { document?: number; model?: string; count?: number } = {},
): Parameters<TinyStudio['studio']['datasetTokens']['of']>[0] {
  return { dataset: 'code', document: 0, model: tiny.model.id, rendering: DEFAULT_RENDERING, count: 4000, ...more };
}

describe('the tokens of a document', () => {
  it('are together what it says, and all learned where it is a text', async () => {
    const shown = await tiny.studio.datasetTokens.of(request({ document: 7 }));
    expect(documentTokensSchema.parse(shown)).toEqual(shown);
    const said = shown.pieces.flatMap(({ special, text }) => (special ? [] : [text])).join('');
    expect(shown.content).toEqual({ kind: 'text', text: said });
    expect(said.length).toBeGreaterThan(20);
    expect([shown.document, shown.learnedTokens]).toEqual([7, shown.tokens]);
    expect(shown.pieces).toHaveLength(shown.tokens);
    expect(shown.note).toMatch(/^The model has no chat template/);
  });

  it('are counted to the last where only the first are shown', async () => {
    const all = await tiny.studio.datasetTokens.of(request());
    expect(await tiny.studio.datasetTokens.of(request({ count: 5 }))).toEqual({ ...all, pieces: all.pieces.slice(0, 5) });
  });

  it('are not there for a document or a model that is not', async () => {
    await expect(tiny.studio.datasetTokens.of(request({ document: 60 }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'The dataset has no such document.',
      found: '60',
      allowed: '0 to 59',
    });
    await expect(tiny.studio.datasetTokens.of(request({ model: 'none' }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('the tokens of datasets', () => {
  it('are concluded from a sample, within a few percent of what tokenising them gives, and exact from then on', async () => {
    const path = join(tiny.directory, 'many.jsonl');
    // Short ones first: a sample of the beginning would count too many starts of documents.
    const stories = storyDocuments(4000);
    await writeDocuments(path, [...stories.slice(0, 3000).map((text, index) => `${index} ${text.slice(0, 20)}`), ...stories.slice(3000)]);
    const dataset = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
    const counted = async (studio = tiny.studio): Promise<{ tokens: number; isExact: boolean }> =>
      (await studio.datasetTokens.counts({ model: 'tiny' })).find((each) => each.dataset === dataset.id)!;
    const estimate = await counted();
    expect(estimate.isExact).toBe(false);
    const directory = join(tiny.home, 'datasets', dataset.id);
    const { trainTokens, heldOutTokens } = await buildTokenShards(directory, await loadContentEncoder(tiny.model.path));
    const tokens = trainTokens + heldOutTokens;
    expect(Math.abs(estimate.tokens / tokens - 1)).toBeLessThan(0.03);
    expect(await counted()).toEqual({ dataset: dataset.id, tokens, isExact: true });
    const other = openStudioAt(tiny.home);
    expect(await counted(other)).toMatchObject({ tokens, isExact: true });
    await other.close();
  });

  it('of a small one are counted', async () => {
    const { tokens, isExact } = await tiny.studio.datasetTokens.count({ dataset: 'code', model: 'tiny' });
    const { trainTokens, heldOutTokens } = await buildTokenShards(
      join(tiny.home, 'datasets', tiny.newDataset.id),
      await loadContentEncoder(tiny.model.path),
    );
    expect([tokens, isExact]).toEqual([trainTokens + heldOutTokens, true]);
  });
});
