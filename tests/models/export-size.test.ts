import { cp, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { companionBytes } from '../../main/models/companion-bytes.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { exportHuggingFace } from '../../main/models/export/export-model.ts';
import { exportGguf } from '../../main/models/gguf/export-gguf.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { type ExportSize, exportSizes, ggufBytes, GGUF_TYPES, SAFETENSORS_TYPES } from '../../shared/domain/export-size.ts';
import { outlookOf } from '../../shared/domain/plan-summary.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { rawModel, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const embedded = join(import.meta.dirname, '../../resources/base');

/** As a fraction of what was written. */
const LARGEST_ERROR = 0.01;

async function stated(directory: string): Promise<ExportSize[]> {
  const opened = await openModelFolder(directory);
  await opened.close();
  return exportSizes(opened.config, await companionBytes(directory));
}

const sizeOf = (sizes: readonly ExportSize[], format: ExportSize['format'], type: string): number =>
  sizes.find((size) => size.format === format && size.type === type)!.bytes;

describe('the size of an export is known before', () => {
  it.each(SAFETENSORS_TYPES)('as a Hugging Face folder, %s', async (dtype) => {
    const expected = sizeOf(await stated(embedded), 'huggingface', dtype);
    const { bytes } = await exportHuggingFace(embedded, join(folder.path, 'out'), { dtype });
    expect(Math.abs(expected - bytes) / bytes).toBeLessThan(LARGEST_ERROR);
  });

  it.each(GGUF_TYPES)('as GGUF, %s, of the base and of what is made of it', async (dtype) => {
    const expected = sizeOf(await stated(embedded), 'gguf', dtype);
    const { bytes } = await exportGguf(embedded, join(folder.path, 'out.gguf'), { dtype });
    expect(Math.abs(expected - bytes) / bytes).toBeLessThan(LARGEST_ERROR);

    const opened = await openModelFolder(embedded);
    await opened.close();
    const plan = planExpansion(opened.config.blocks, 2, 'even');
    await expandModelFolder(embedded, join(folder.path, 'expanded'), plan, { name: 'base', hash: 'h' });
    const outlook = outlookOf({ name: 'expand', plan }, opened.config, await companionBytes(embedded));
    const planned = outlook.sizes.find((size) => size.format === 'gguf' && size.type === dtype)!;
    const written = await exportGguf(join(folder.path, 'expanded'), join(folder.path, 'expanded.gguf'), { dtype });
    expect(Math.abs(planned.bytes - written.bytes) / written.bytes).toBeLessThan(LARGEST_ERROR);
    expect(planned.baseBytes).toBe(expected);
  });

  it.each(['Q4_0', 'Q8_0'] as const)('where rows are no whole blocks, %s: they stay F16', async (dtype) => {
    await cp(embedded, join(folder.path, 'narrow'), { recursive: true });
    await writeRawModel(join(folder.path, 'narrow'), rawModel({ blocks: 40 }));
    const opened = await openModelFolder(join(folder.path, 'narrow'));
    await opened.close();
    const sizes = { quantised: ggufBytes(opened.config, dtype), half: ggufBytes(opened.config, 'F16') };
    expect(opened.config.hiddenSize % 32).not.toBe(0);
    expect(sizes.quantised).toBe(sizes.half);
  });

  it('a tied table is there once', async () => {
    const config = JSON.parse(await readFile(join(embedded, 'config.json'), 'utf8')) as { vocab_size: number; hidden_size: number };
    const opened = await openModelFolder(embedded);
    await opened.close();
    const table = 4 * config.vocab_size * config.hidden_size;
    const none = { huggingface: 0, gguf: 0 };
    const [tied, untied] = [true, false].map((tiedEmbeddings) => exportSizes({ ...opened.config, tiedEmbeddings }, none));
    for (const format of ['huggingface', 'gguf'] as const) {
      const difference = sizeOf(untied!, format, 'F32') - sizeOf(tied!, format, 'F32');
      expect(difference).toBeGreaterThanOrEqual(table);
      expect(difference).toBeLessThan(table + 200);
    }
  });
});

describe('what stands beside the weights', () => {
  it('are the small files, without weights', async () => {
    const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'README.md'];
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(embedded, name))).size));
    expect((await companionBytes(embedded)).huggingface).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  it.each<[string, unknown, number]>([
    [
      'pairs of strings and scores',
      {
        model: {
          type: 'Unigram',
          vocab: [
            ['ab', -1],
            ['é', -2],
          ],
        },
      },
      2 * 8 + 4 + 2 * 8,
    ],
    ['merges as pairs', { model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [['a', 'b']] } }, 2 * 8 + 2 + 2 * 4 + 8 + 3],
    [
      'merges as strings, and an added token',
      { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] }, added_tokens: [{ content: 'a' }, { content: '<s>' }] },
      8 + 1 + 8 + 3 + 2 * 4 + 8 + 3,
    ],
    ['nothing that can be understood', 'null?', 0],
    ['nothing', 'null', 0],
    ['no model', { model: null }, 0],
  ])('counts a vocabulary of %s', async (_what, tokenizer, bytes) => {
    await folder.write('tokenizer.json', typeof tokenizer === 'string' ? tokenizer : JSON.stringify(tokenizer));
    expect((await companionBytes(folder.path)).gguf).toBe(bytes);
  });
});
