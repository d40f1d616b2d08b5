import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMeantAsModel } from '../../main/models/recognise-model.ts';
import { writeTinyModel } from '../support/workspace.ts';

describe('what was dropped', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-recognise-'));
    await writeTinyModel(join(folder, 'model'));
    await mkdir(join(folder, 'texts'));
    await writeFile(join(folder, 'texts', 'config.json'), '{"text": "A dataset may have a file of that name."}');
    await writeFile(join(folder, 'texts', 'notes.txt'), 'Notes.');
    await writeFile(join(folder, 'unnamed'), 'GGUF\u0003\u0000\u0000\u0000');
    await writeFile(join(folder, 'broken.gguf'), 'nothing of the kind');
    await writeFile(join(folder, 'blocks.strata-pack'), 'PK');
    await writeFile(join(folder, 'data.bin'), Buffer.alloc(64, 7));
    await mkdir(join(folder, 'pack'));
    await writeFile(join(folder, 'pack', 'pack.json'), '{}');
    await mkdir(join(folder, 'empty'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['model', true],
    ['model/model.safetensors', true],
    ['unnamed', true],
    ['broken.gguf', true],
    ['blocks.strata-pack', true],
    ['pack', true],
    ['texts', false],
    ['texts/notes.txt', false],
    ['data.bin', false],
    ['empty', false],
    ['not there', false],
  ])('%s is meant as a model: %s', async (path, isModel) => {
    expect(await isMeantAsModel(join(folder, path))).toBe(isModel);
  });
});
