import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelHash } from '../../main/models/model-folder.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { StrataHere } from '../support/strata-command.ts';

/** `strata model export` with the embedded base, and a pack through import again. */

interface Exported {
  path: string;
  format: string;
  dtype: string;
  bytes: number;
  verified: boolean;
}

let directory: string;
let strata: StrataHere;
let expanded: ModelInfo;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-export-'));
  strata = new StrataHere(join(directory, 'home'));
  await strata.json('model', 'import', join(import.meta.dirname, '../../resources/base'), '--name', 'base');
  expanded = await strata.json<ModelInfo>('model', 'expand', 'base', '--blocks', '2', '--name', 'Zwei Blöcke: mehr');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (...names: string[]): string => join(directory, ...names);
const exported = (...args: string[]): Promise<Exported> => strata.json('model', 'export', expanded.id, ...args);

test('shards of a chosen size and element type', async () => {
  const result = await exported('--out', at('sharded'), '--dtype', 'bf16', '--shard-size', '2MB');
  const names = await readdir(at('sharded'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(at('sharded', name))).size));
  expect(result).toEqual({
    path: at('sharded'),
    format: 'huggingface',
    dtype: 'BF16',
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    verified: true,
  });
  expect(names.filter((name) => name.endsWith('.safetensors'))).toHaveLength(4);
  const again = await strata.json<ModelInfo>('model', 'import', at('sharded'));
  expect(again).toMatchObject({ blocks: 8, parameters: expanded.parameters, plan: expanded.plan });
});

test('GGUF into a folder takes the model’s name, and the name of a file is taken as it is', async () => {
  await mkdir(at('with-others'));
  await writeFile(at('with-others/letter.txt'), 'Dear');
  const into = await exported('--format', 'gguf', '--out', at('with-others'));
  expect(into).toMatchObject({ path: at('with-others/Zwei-Blöcke-mehr.gguf'), format: 'gguf', dtype: 'F16', verified: true });
  expect((await readdir(at('with-others'))).sort()).toEqual(['Zwei-Blöcke-mehr.gguf', 'letter.txt']);
  const named = await exported('--format', 'GGUF', '--dtype', 'Q8_0', '--out', at('new/folder/small.gguf'));
  expect(named).toMatchObject({ path: at('new/folder/small.gguf'), dtype: 'Q8_0', bytes: (await stat(at('new/folder/small.gguf'))).size });
  expect((await readFile(named.path)).toString('latin1', 0, 4)).toBe('GGUF');
  const taken = await strata.failure('model', 'export', expanded.id, '--format', 'gguf', '--out', at('with-others'));
  expect(taken).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: `a file at ${into.path}` });
});

test('a folder for Ollama has the GGUF file and a Modelfile that names it', async () => {
  const result = await exported('--format', 'ollama', '--dtype', 'q8_0', '--out', at('ollama'));
  expect(result).toMatchObject({ path: at('ollama'), format: 'ollama', dtype: 'Q8_0', verified: true });
  expect((await readdir(at('ollama'))).sort()).toEqual(['Modelfile', 'model.gguf']);
  expect(await readFile(at('ollama/Modelfile'), 'utf8')).toContain('FROM ./model.gguf');
});

test('a pack comes back by import as the same model, in this workspace and in another', async () => {
  expect(await exported('--format', 'pack', '--out', at('pack'))).toMatchObject({ format: 'pack', dtype: 'F16', verified: true });
  const again = await strata.json<ModelInfo>('model', 'import', at('pack'), '--name', 'again');
  expect(again).toMatchObject({ name: 'again', blocks: 8, baseModel: expanded.baseModel, plan: expanded.plan });
  expect(await modelHash(again.path)).toBe(await modelHash(expanded.path));
  const other = new StrataHere(at('other'));
  const missing = await other.failure('model', 'import', at('pack'));
  expect(missing).toMatchObject({ exitCode: 2, code: 'NOT_FOUND', allowed: '"base", which the pack was made with' });
  const wrong = await strata.failure('model', 'import', at('pack'), '--base', expanded.id);
  expect(wrong).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', message: 'This pack belongs to another base.' });
  expect(`${wrong.found} ${wrong.allowed}`.match(/sha256 [0-9a-f]{64}/g)).toHaveLength(2);
});

describe('is refused before anything is written:', () => {
  test.each([
    ['an unknown format', ['--format', 'onnx'], { found: 'onnx', allowed: 'huggingface, gguf, ollama, pack' }],
    ['an unknown type', ['--dtype', 'f64'], { found: 'f64', allowed: 'f32, f16, bf16, or none for what is stored' }],
    ['a type of another format', ['--dtype', 'q4_0'], { found: 'q4_0', allowed: 'f32, f16, bf16, or none for what is stored' }],
    ['a type for GGUF', ['--format', 'gguf', '--dtype', 'q2_k'], { allowed: 'f32, f16, bf16, q8_0, q4_0, or none for what is stored' }],
    ['a type for a pack', ['--format', 'pack', '--dtype', 'f16'], { allowed: 'none: a pack keeps its tensors as they are stored' }],
    ['a size that is none', ['--shard-size', 'large'], { found: 'large', allowed: 'a size such as 500MB, 2GB or 1GiB' }],
    ['shards of a GGUF file', ['--format', 'gguf', '--shard-size', '1MB'], { found: '1000000' }],
    ['a base without a pack', ['--base', 'base'], { found: 'base' }],
    ['a base that nobody knows', ['--format', 'pack', '--base', 'gpt'], { found: 'gpt' }],
  ])('%s', async (_, options, details) => {
    const failure = await strata.failure('model', 'export', expanded.id, '--out', at('nothing'), ...options);
    expect(failure).toMatchObject({ exitCode: 2, ...details });
    expect(await readdir(directory)).not.toContain('nothing');
  });
});
