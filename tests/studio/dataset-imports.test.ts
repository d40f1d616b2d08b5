import { spawn } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DatasetImport, datasetImportSchema } from '../../shared/contract/dataset-import.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { openStudioAt, storyDocuments, writeDocuments } from '../support/workspace.ts';

const folder = useTemporaryFolder();
let home: string;
let studio: Studio;
beforeEach(() => {
  home = join(folder.path, 'home');
  studio = openStudioAt(home);
});
afterEach(() => studio.close());

const STORIES = storyDocuments(12_000);

/** Texts that take a second to import, most of it to compare them. */
async function slowSource(): Promise<string> {
  const source = join(folder.path, 'slow');
  await mkdir(source);
  for (let file = 0; file < 6; file++) await writeDocuments(join(source, `${file}.jsonl`), STORIES.slice(file * 2000, (file + 1) * 2000));
  return source;
}

async function quickSource(name = 'quick'): Promise<string> {
  const path = join(folder.path, `${name}.jsonl`);
  await writeDocuments(
    path,
    storyDocuments(40).map((text) => `${name} ${text}`),
  );
  return path;
}

/** The last of what is shown. */
async function end(id: string, of: Studio = studio): Promise<DatasetImport> {
  const shown = await Array.fromAsync(of.imports.watch({ import: id }));
  for (const each of shown) expect(datasetImportSchema.parse(each)).toEqual(each);
  return shown.at(-1)!;
}

/** Waits until an import has read its first file: most of the work is still to come then. */
async function underWay(id: string): Promise<void> {
  const journal = join(home, 'datasets', `${id}.partial/work/files.jsonl`);
  await expect.poll(() => readFile(journal, 'utf8').catch(() => ''), { interval: 2, timeout: 20_000 }).toContain('0.jsonl');
}

/** The hash that an import of the slow source has which nobody disturbs. */
let undisturbedHash: string | null = null;
async function undisturbed(source: string): Promise<string> {
  undisturbedHash ??= (await studio.datasets.import({ paths: [source], name: 'undisturbed' })).datasets[0]!.hash;
  return undisturbedHash;
}

const hashOf = (shown: DatasetImport, of: Studio = studio): string => of.datasets.find(shown.dataset!).hash;
const folders = (): Promise<string[]> => readdir(join(home, 'datasets')).catch(() => []);

describe('an import', () => {
  it('is followed to its end, when its dataset is on the list', async () => {
    const source = await slowSource();
    const started = await studio.imports.start({ paths: [source], origin: 'https://example.org', licence: 'CC0' });
    expect(started).toMatchObject({ name: 'slow', source, state: 'running', dataset: null, results: [] });
    const shown = await Array.fromAsync(studio.imports.watch({ import: started.id }));
    const fractions = shown.flatMap(({ fraction }) => (fraction === null ? [] : [fraction]));
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.length).toBeGreaterThan(1);
    const last = shown.at(-1)!;
    expect(last).toMatchObject({
      state: 'done',
      fraction: 1,
      filesDone: 6,
      files: 6,
      documents: 12_000,
      isNew: true,
      error: null,
      canResume: false,
    });
    expect(last.results).toHaveLength(6);
    const dataset = studio.datasets.find(last.dataset!);
    expect(dataset).toMatchObject({ name: 'slow', origin: 'https://example.org', licence: 'CC0', kinds: { text: 12_000 }, version: 1 });
    expect((await readdir(dataset.path)).sort()).toEqual(['dataset.json', 'documents.index', 'documents.jsonl']);
    expect(dataset.hash).toBe(await undisturbed(source));
    expect(await studio.imports.remove({ import: started.id })).toEqual({ removed: started.id });
    expect(studio.datasets.find(last.dataset!)).toEqual(dataset); // only the entry went
  });

  it('that is stopped goes on to the same dataset', async () => {
    const source = await slowSource();
    const first = join(source, '0.jsonl');
    await utimes(first, 1e9, 1e9);
    const whole = await undisturbed(source);
    const { id } = await studio.imports.start({ paths: [source] });
    await underWay(id);
    const stopped = await studio.imports.cancel({ import: id });
    expect(stopped).toMatchObject({ state: 'stopped', canResume: true, error: null, dataset: null });
    // Another text that nobody can see from outside: what was read of this file must not be read again.
    await writeFile(first, (await readFile(first, 'utf8')).replaceAll('keeper', 'beaker'));
    await utimes(first, 1e9, 1e9);
    await expect(studio.imports.resume({ import: 'another' })).rejects.toMatchObject({ code: 'NOT_FOUND', allowed: id });
    const twice = await Promise.all([studio.imports.resume({ import: id }), studio.imports.resume({ import: id })]);
    expect(twice).toMatchObject([{ state: 'running', canResume: false }, { state: 'running' }]);
    await expect(studio.imports.remove({ import: id })).rejects.toMatchObject({ code: 'CONFLICT' });
    const done = await end(id);
    expect(done.state).toBe('done');
    expect(hashOf(done)).toBe(whole);
    expect(await studio.imports.list()).toEqual([done]);
  });

  it('is stopped by the end of the studio, and goes on in the next one, by what was asked for', async () => {
    const source = await slowSource();
    const { id } = await studio.imports.start({ paths: [source], name: 'mine', seed: 5, cleaning: { minCharacters: 60 } });
    await underWay(id);
    await studio.close();
    studio = openStudioAt(home);
    expect(await studio.imports.list()).toMatchObject([{ id, name: 'mine', state: 'stopped', canResume: true }]);
    await studio.imports.resume({ import: id });
    const done = await end(id);
    expect(done).toMatchObject({ state: 'done', name: 'mine' });
    const { cleaning } = await studio.datasets.show({ dataset: done.dataset! });
    expect(cleaning!.settings.minCharacters).toBe(60);
    const again = await studio.imports.start({ paths: [source], seed: 5, cleaning: { minCharacters: 60 } });
    expect(hashOf(await end(again.id))).toBe(hashOf(done));
    expect(hashOf(done)).not.toBe(await undisturbed(source)); // another seed holds others out
  });

  it.runIf(process.platform === 'linux')('whose process is killed fails, and goes on', async () => {
    const source = await slowSource();
    const { id } = await studio.imports.start({ paths: [source] });
    await underWay(id);
    process.kill(await importProcess(), 'SIGKILL');
    const failed = await end(id);
    expect(failed).toMatchObject({
      state: 'failed',
      canResume: true,
      error: { code: 'CRASHED', found: expect.stringContaining('SIGKILL') as string },
    });
    expect(failed.error!.message).toMatch(/import process/);
    expect(failed.error!.hint).toMatch(/can go on/);
    await studio.imports.resume({ import: id });
    expect(hashOf(await end(id))).toBe(await undisturbed(source));
  });

  it.runIf(process.platform === 'linux')('whose studio is killed goes on in another', async () => {
    const source = await slowSource();
    const strata = join(import.meta.dirname, '../../main/cli/main.ts');
    const child = spawn(process.execPath, [strata, 'data', 'import', source, '--home', home], { stdio: 'ignore' });
    const journal = async (): Promise<string> => {
      const [name = ''] = await folders();
      return readFile(join(home, 'datasets', name, 'work/files.jsonl'), 'utf8').catch(() => '');
    };
    await expect.poll(journal, { interval: 5, timeout: 20_000 }).toContain('0.jsonl');
    expect(await studio.imports.list()).toMatchObject([{ state: 'running', activity: 'Another program is reading it', canResume: false }]);
    const [{ id }] = (await studio.imports.list()) as [DatasetImport];
    for (const what of ['resume', 'cancel', 'remove'] as const)
      await expect(studio.imports[what]({ import: id })).rejects.toMatchObject({ code: 'CONFLICT' });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('exit', resolve));
    const next = openStudioAt(home); // which sweeps what others have left
    expect(await next.imports.list()).toMatchObject([{ id, state: 'stopped', canResume: true }]);
    await next.imports.resume({ import: id });
    const done = await end(id, next);
    expect(hashOf(done, next)).toBe(await undisturbed(source));
    await next.close();
  });

  it('of which nothing can be read leaves nothing and does not go on', async () => {
    const empty = await folder.write('empty.txt', '');
    const { id } = await studio.imports.start({ paths: [empty] });
    const failed = await end(id);
    expect(failed).toMatchObject({
      state: 'failed',
      canResume: false,
      error: { code: 'BAD_INPUT', found: expect.stringContaining('empty.txt') as string },
    });
    expect(await folders()).toEqual([]);
    await expect(studio.imports.resume({ import: id })).rejects.toMatchObject({ found: expect.anything() as string });
    expect(await studio.imports.remove({ import: id })).toEqual({ removed: id });
    expect(await studio.imports.list()).toEqual([]);
    await expect(studio.imports.start({ paths: [join(folder.path, 'nowhere')] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(studio.imports.start({})).rejects.toMatchObject({ code: 'BAD_INPUT' });
    expect(await folders()).toEqual([]);
  });

  it('does not go on without its sources, and is kept until they are back', async () => {
    const source = await slowSource();
    const { id } = await studio.imports.start({ paths: [source] });
    await underWay(id);
    await studio.imports.cancel({ import: id });
    await rm(source, { recursive: true });
    await expect(studio.imports.resume({ import: id })).rejects.toMatchObject({ code: 'NOT_FOUND', found: source });
    expect(await studio.imports.list()).toMatchObject([{ id, canResume: true }]);
    expect(await studio.imports.remove({ import: id })).toEqual({ removed: id });
    expect(await folders()).toEqual([]);
  });

  it('waits while two others go on', async () => {
    const source = await slowSource();
    const started = [];
    // Under another name: in the same words the second would be the first, which goes on.
    for (const request of [
      { paths: [source] },
      { paths: [source], name: 'slow 2' },
      { paths: [await quickSource()] },
      { paths: [await quickSource('fourth')] },
    ])
      started.push(await studio.imports.start(request));
    const [, , third, fourth] = (await studio.imports.list()).map(({ activity }) => activity);
    expect([third, fourth]).toEqual(['Waiting for another import', 'Waiting for another import']);
    const other = openStudioAt(home);
    await expect(other.imports.resume({ import: started[2]!.id })).rejects.toMatchObject({ code: 'CONFLICT' }); // it waits, but here
    await other.close();
    expect(await studio.imports.cancel({ import: started[3]!.id })).toMatchObject({ state: 'stopped', canResume: true });
    for (const { id } of started.slice(0, 3)) expect(await end(id)).toMatchObject({ state: 'done' });
    expect(
      studio.datasets
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['quick', 'slow', 'slow 2']);
    await studio.imports.resume({ import: started[3]!.id });
    expect(await end(started[3]!.id)).toMatchObject({ state: 'done', name: 'fourth' });
  });
});

describe('a later version', () => {
  it('is made of the same sources in the same way once they have changed, and the earlier one stays', async () => {
    const path = join(folder.path, 'rows.csv');
    const rows = storyDocuments(30).map((text, index) => `${index},"${text}"`);
    await writeFile(path, ['first,second', ...rows].join('\n'));
    const mappings = [
      { columns: ['second', 'first'], mapping: { shape: 'completion' as const, prompt: ['second'], completion: ['first'] } },
    ];
    const first = await end((await studio.imports.start({ paths: [path], name: 'rows', mappings, seed: 3, licence: 'MIT' })).id);
    const parent = studio.datasets.find(first.dataset!);
    expect(parent.kinds).toEqual({ completion: 30 });

    const same = await end((await studio.imports.start({ newVersionOf: 'rows' })).id);
    expect(same).toMatchObject({ state: 'done', isNew: false, dataset: parent.id, name: 'rows' });
    expect(await folders()).toEqual([parent.id]);

    await appendFile(path, '\n30,"A new row."');
    const changed = await end((await studio.imports.start({ newVersionOf: parent.id })).id);
    expect(changed).toMatchObject({ state: 'done', isNew: true, name: 'rows (version 2)' });
    const second = studio.datasets.find(changed.dataset!);
    expect(second).toMatchObject({ version: 2, parent: parent.id, kinds: { completion: 31 }, licence: 'MIT' });
    expect(studio.datasets.find('rows')).toEqual(parent);

    const asTexts = await studio.imports.start({
      newVersionOf: second.id,
      mappings: [{ columns: ['first', 'second'], mapping: { shape: 'text', columns: ['second'] } }],
      licence: 'CC0',
      cleaning: { exactDuplicates: 'keep' },
    });
    const third = studio.datasets.find((await end(asTexts.id)).dataset!);
    expect(third).toMatchObject({ name: 'rows (version 3)', version: 3, parent: second.id, kinds: { text: 31 }, licence: 'CC0' });
  });

  it('of a dataset that does not say where its files lie needs their paths', async () => {
    const path = await quickSource();
    const { datasets } = await studio.datasets.import({ paths: [path] });
    const manifest = join(home, 'datasets', datasets[0]!.id, 'dataset.json');
    const { request: _, ...earlier } = JSON.parse(await readFile(manifest, 'utf8')) as Record<string, unknown>;
    await writeFile(manifest, JSON.stringify(earlier));
    await expect(studio.imports.start({ newVersionOf: 'quick' })).rejects.toMatchObject({ code: 'BAD_INPUT', allowed: /paths/ });
    const { id } = await studio.imports.start({ newVersionOf: 'quick', paths: [path] });
    expect(await end(id)).toMatchObject({ isNew: false, dataset: datasets[0]!.id });
  });
});

/** The process that reads for this one. */
async function importProcess(): Promise<number> {
  for (;;) {
    for (const thread of await readdir('/proc/self/task')) {
      const children = await readFile(`/proc/self/task/${thread}/children`, 'utf8').catch(() => '');
      for (const pid of children.split(' ').filter((each) => each !== '')) {
        const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        if (line.includes('training/process.ts')) return Number(pid);
      }
    }
    await delay(10);
  }
}
