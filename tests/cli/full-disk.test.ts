import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { onlyDocument, StrataCommand, StrataHere } from '../support/strata-command.ts';
import { ask } from '../support/web-client.ts';
import {
  byteModelConfig,
  byteTokenizerJson,
  storyDocuments,
  writeDocuments,
  writeTinyModel,
  writeTinySources,
} from '../support/workspace.ts';

/** A real disk that is full: a small one in memory, with the workspace on it. */

const DISK_MEGABYTES = 24;
/** Less than what the tests try to store, and enough for the database. */
const LITTLE = 1_000_000;
const canMount = ((): boolean => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!canMount)('on a full disk (skipped where no small disk can be mounted: that needs root)', () => {
  let directory: string;
  let disk: string;
  let strata: StrataHere;
  /** A run that always had room. */
  let whole: RunSummary | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-full-disk-'));
    disk = join(directory, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m`, 'tmpfs', disk]);
    strata = new StrataHere(join(disk, 'home'));
    const sources = await writeTinySources(directory);
    await strata.json('model', 'import', sources.model);
    await strata.json('data', 'import', sources.newText);
    await strata.json('data', 'import', sources.oldText);
  });
  afterAll(async () => {
    execFileSync('umount', [disk]);
    await rm(directory, { recursive: true, force: true });
  });

  test('an import of text fails, and goes on when there is room', async () => {
    const path = join(directory, 'large.jsonl');
    await writeDocuments(path, storyDocuments(10_000));
    const before = await contents();
    await withLittleRoom(LITTLE, async () => {
      const failure = await strata.failure('data', 'import', path);
      expect(failure).toMatchObject({
        exitCode: 1,
        code: 'NO_SPACE',
        hint: expect.stringMatching(/Free some space.*data resume/) as string,
      });
    });
    const [failed] = await strata.json<{ id: string }[]>('data', 'imports');
    const { datasets } = await strata.json<{ datasets: { id: string; documents: number }[] }>('data', 'resume', failed!.id);
    expect(datasets[0]!.documents).toBe(10_000);
    await strata.json('data', 'delete', datasets[0]!.id);
    await strata.json('data', 'purge', '--all');
    expect(await contents()).toEqual(before);
  });

  test('an import of a model fails, and nothing of it is left', async () => {
    const folder = join(directory, 'large');
    await writeTinyModel(folder, { config: { ...byteModelConfig, hiddenSize: 256, headSize: 64, intermediateSize: 1024, blocks: 2 } });
    await withLittleRoom(LITTLE, () => failsWithoutTrace('model', 'import', folder));
  });

  test('an expansion fails, and nothing of it is left', async () => {
    await withLittleRoom(80_000, () => failsWithoutTrace('model', 'expand', 'tiny', '--blocks', '4'));
  });

  test.each([
    ['huggingface', '--dtype', 'f16'],
    ['huggingface', '--shard-size', '20kB'],
    ['gguf', '--dtype', 'f32'],
    ['pack', '--base', 'tiny'],
  ])('an export as %s %s %s fails, and nothing of it is left, not even the folder around it', async (format, option, value) => {
    const config = { ...byteModelConfig, hiddenSize: 96, headSize: 24, intermediateSize: 256 };
    const folder = join(directory, `for-${format}-${value}`);
    await writeTinyModel(folder, { config });
    // llama.cpp knows no tokenizer that takes a text as one word.
    if (format === 'gguf') await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(wordTokenizerJson()));
    const { id } = await strata.json<ModelInfo>('model', 'import', folder);
    const expanded = await strata.json<ModelInfo>('model', 'expand', id, '--blocks', '2');
    const base = option === '--base' ? id : value;
    const args = ['model', 'export', expanded.id, '--format', format, option, base, '--out', join(disk, 'exports/here')];
    await withLittleRoom(200_000, () => failsWithoutTrace(...args));
    expect(await readdir(disk)).toEqual(['home']);
    await strata.json(...args);
    await rm(join(disk, 'exports'), { recursive: true });
    await strata.json('model', 'delete', expanded.id);
    await strata.json('model', 'delete', id);
    await strata.json('model', 'purge', '--all');
  });

  test('a pack that is put on its base where there is no room leaves nothing', async () => {
    const expanded = await strata.json<ModelInfo>('model', 'expand', 'tiny', '--blocks', '4');
    await strata.json('model', 'export', expanded.id, '--format', 'pack', '--out', join(directory, 'pack'));
    await withLittleRoom(80_000, () => failsWithoutTrace('model', 'import', join(directory, 'pack')));
    await strata.json('model', 'delete', expanded.id);
    await strata.json('model', 'purge', expanded.id);
  });

  test('an upload is answered with the reason, and nothing of it is left', async () => {
    const { child, said, finished } = strata.start('serve', '--json', '--no-sample');
    let address = '';
    child.stdout!.on('data', (text: string) => (address += text));
    await said(/"url".*\n/);
    const { port, hash } = new URL((JSON.parse(address) as { url: string }).url);
    const headers = { 'x-strata-token': hash.replace('#token=', '') };
    const body = Buffer.alloc(5 * LITTLE, 'x');
    await withLittleRoom(LITTLE, async () => {
      const answer = await ask(Number(port), '/upload?batch=full-disk&name=folder/large.txt', { method: 'POST', headers, body });
      expect(answer).toMatchObject({ status: 507, body: expect.stringContaining('The disk is full.') as string });
      expect(await readdir(join(strata.home, 'uploads'))).toEqual([]);
    });
    child.kill('SIGINT');
    await finished;
  });

  test('a run ends when its checkpoint has no room, and goes on to the same result once there is some', async () => {
    await withLittleRoom(150_000, async () => {
      // A process of its own: that a run has no owner any more is told by its process.
      const failure = await new StrataCommand(strata.home).failure('train', ...TRAIN, '--name', 'without room');
      expect(failure).toMatchObject({ exitCode: 1, code: 'NO_SPACE', hint: expect.stringContaining('Free some space') as string });
    });
    await resumesToTheSame('without room');
  });

  test('a run ends when nothing at all can be written any more, not even that it ended, and goes on to the same result', async () => {
    const { said, finished } = strata.start('train', ...TRAIN, '--name', 'in the middle', '--json');
    await said(/step +\d+\/\d+ /);
    await withLittleRoom(0, async () => {
      const { exitCode, stdout } = await finished;
      expect({ exitCode, document: onlyDocument(stdout) }).toMatchObject({ exitCode: 1, document: { error: { code: 'NO_SPACE' } } });
    });
    await resumesToTheSame('in the middle');
  });

  /** Goes on with a run, which must come to the result of one that always had room. */
  async function resumesToTheSame(name: string): Promise<void> {
    const [run] = await strata.json<RunSummary[]>('run', 'list');
    expect(run).toMatchObject({ name, status: expect.stringMatching(/failed|interrupted/) as string, model: null });
    const resumed = await strata.json<RunSummary>('run', 'resume', name);
    whole ??= await strata.json<RunSummary>('train', ...TRAIN, '--name', 'with room');
    expect(resumed).toMatchObject({ status: 'done', stepsDone: whole.steps, final: whole.final });
    const weights = (path: string): Promise<Buffer> => readFile(join(path, 'model.safetensors'));
    expect((await weights(resumed.modelPath!)).equals(await weights(whole.modelPath!))).toBe(true);
  }

  const TRAIN = ['--model', 'tiny', '--new', 'code', '--old', 'stories', '--steps', '200', '--batch', '2', '--engine', fastEngine];
  TRAIN.push('--set', 'checkpointEvery=20', 'evaluateEvery=20', 'evaluationTokens=128');

  async function failsWithoutTrace(...args: string[]): Promise<void> {
    const before = await contents();
    const failure = await strata.failure(...args);
    expect(failure).toMatchObject({ exitCode: 1, code: 'NO_SPACE', message: expect.stringContaining('full') as string });
    expect(failure.hint).toContain('Free some space');
    expect(await contents()).toEqual(before);
  }

  /** Every file, and what the commands list. */
  async function contents(): Promise<unknown> {
    const files = (await readdir(strata.home, { recursive: true })).filter((name) => !name.startsWith('strata.db')).sort();
    return { files, models: await strata.json('model', 'list'), datasets: await strata.json('data', 'list') };
  }

  /** Fills the disk but for so many bytes meanwhile. */
  async function withLittleRoom(bytes: number, work: () => Promise<void>): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    const filler = join(disk, 'filler');
    try {
      await writeFile(filler, new Uint8Array(bavail * bsize - bytes)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error; // a run writes at the same time: it is full already
      });
      await work();
    } finally {
      await rm(filler);
    }
  }
});

/** The tokenizer of every byte, with words cut as GPT-2 does. */
function wordTokenizerJson(): Record<string, unknown> {
  const json = byteTokenizerJson();
  return { ...json, pre_tokenizer: { ...(json.pre_tokenizer as object), use_regex: true } };
}
