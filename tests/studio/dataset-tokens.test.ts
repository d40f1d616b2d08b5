import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentTokensSchema } from '../../shared/contract/contract.ts';
import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import { openTinyStudio, type TinyStudio } from '../support/workspace.ts';

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
