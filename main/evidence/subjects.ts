import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { StrataError } from '../../shared/errors.ts';
import type { Studio } from '../studio/studio.ts';
import { RECOMMENDED_SHARES, type Subject } from './plan.ts';

/** What the study is done with: the embedded base, and two published models of stories with texts at five distances from what they know. */

const SEEDS = [1, 2, 3] as const;

/** The ladder's targets: their names in the workspace and their files. */
const RUNGS = [
  { name: 'stories', title: 'same genre', file: null },
  { name: 'plays', title: 'other genre', file: 'text/tinyshakespeare/tinyshakespeare.txt.gz' },
  { name: 'medicine', title: 'technical text', file: 'medical/medquad-niddk/medquad-niddk.jsonl.gz' },
  { name: 'code', title: 'code', file: 'code/python-stdlib/python-stdlib.jsonl.gz' },
  { name: 'german', title: 'another language', file: 'language/german/german.txt' },
] as const;

export const RUNG_TITLES: Record<string, string> = Object.fromEntries(RUNGS.map(({ name, title }) => [name, title]));

const STORIES = 'text/tinystories/tinystories.txt.gz';
const MODEL = 'models/stories260k/stories260K.bin';
const SHALLOW_MODEL = 'models/tinystories-656k';

/** The embedded base learns JavaScript: far fewer arms, because it is eleven times as large. */
export async function embeddedBase(studio: Studio): Promise<Subject> {
  const { model, newDataset, oldDataset } = await studio.addSamples();
  return {
    key: 'base',
    title: 'The embedded base',
    knows: 'English novels',
    model: model.name,
    parameters: model.parameters,
    blocks: model.blocks,
    old: oldDataset.name,
    target: newDataset.name,
    rungs: [],
    budget: { batch: 4, context: 256, steps: 80 },
    measurements: 6,
    seeds: SEEDS,
    sweeps: false,
    replay: [],
  };
}

/**
 * The published model, whose training text in part is the old side; the rest of that text is the nearest rung.
 * @param data folder of models and texts; see its files above.
 * @throws StrataError NOT_FOUND when a file is not there.
 */
export async function storyTeller(studio: Studio, data: string): Promise<Subject> {
  const missing = [MODEL, SHALLOW_MODEL, STORIES, ...RUNGS.flatMap(({ file }) => file ?? [])].filter(
    (file) => !existsSync(join(data, file)),
  );
  if (missing.length > 0) {
    throw new StrataError('NOT_FOUND', 'The data of the study are not all there.', {
      found: `without ${missing.join(', ')} in ${data}`,
      hint: 'Name their folder with --data.',
    });
  }
  const { old, near } = await splitStories(studio.home, await readFile(join(data, STORIES)));
  const model = await once(studio.models.list(), 'stories260k', () =>
    studio.models.import({ path: join(data, MODEL), name: 'stories260k' }),
  );
  await importOnce(studio, 'old stories', old);
  for (const { name, file } of RUNGS) await importOnce(studio, name, file === null ? near : join(data, file));
  return {
    key: 'stories260k',
    title: 'stories260K',
    knows: 'stories for children',
    model: model.name,
    parameters: model.parameters,
    blocks: model.blocks,
    old: 'old stories',
    target: 'code',
    rungs: RUNGS.map(({ name }) => name),
    budget: { batch: 16, context: 128, steps: 100 },
    measurements: 15,
    seeds: SEEDS,
    sweeps: true,
    replay: [0.01, 0.05, 0.1, 0.25, 0.5],
  };
}

/**
 * Another published model of stories, of two blocks, where one placement hardly differs from another: it shows what stays true of methods and
 * replay. Its texts are there once {@link storyTeller} has imported them.
 */
export async function shallowStoryTeller(studio: Studio, data: string): Promise<Subject> {
  const model = await once(studio.models.list(), 'tinystories-656k', () =>
    studio.models.import({ path: join(data, SHALLOW_MODEL), name: 'tinystories-656k' }),
  );
  return {
    key: 'tinystories-656k',
    title: 'tinystories-656K',
    knows: 'stories for children',
    model: model.name,
    parameters: model.parameters,
    blocks: model.blocks,
    old: 'old stories',
    target: 'code',
    rungs: [],
    budget: { batch: 16, context: 128, steps: 100 },
    measurements: 6,
    seeds: SEEDS,
    sweeps: false,
    replay: RECOMMENDED_SHARES,
  };
}

async function once<Item extends { name: string }>(items: readonly Item[], name: string, make: () => Promise<Item>): Promise<Item> {
  return items.find((item) => item.name === name) ?? make();
}

async function importOnce(studio: Studio, name: string, path: string): Promise<void> {
  if (studio.datasets.list().some((dataset) => dataset.name === name)) return;
  const { id } = await studio.imports.start({ paths: [path], name });
  for await (const { state, error } of studio.imports.watch({ import: id })) {
    if (state === 'failed') throw StrataError.fromRecord(error!);
  }
}

/** Every other story is new, so that both halves are of one kind. */
async function splitStories(home: string, packed: Buffer): Promise<{ old: string; near: string }> {
  const stories = gunzipSync(packed)
    .toString('utf8')
    .split('<|endoftext|>')
    .filter((story) => story.trim() !== '');
  const folder = join(home, 'sources');
  await mkdir(folder, { recursive: true });
  const write = async (name: string, parity: number): Promise<string> => {
    const path = join(folder, `${name}.jsonl.gz`);
    const half = stories.filter((_, index) => index % 2 === parity).map((text) => JSON.stringify({ text: text.trim() }));
    await writeFile(path, gzipSync(half.join('\n') + '\n'));
    return path;
  };
  return { old: await write('old-stories', 0), near: await write('near-stories', 1) };
}
