import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { randomStream } from '../../shared/domain/random.ts';
import { MixtureStream } from '../../shared/domain/mixture-stream.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import { openDataset } from '../datasets/dataset-folder.ts';
import { summaryOf } from '../datasets/dataset-summary.ts';
import { openTokenShard, trainingWindows, writeTokenShard } from '../datasets/token-shard.ts';
import { insertDataset, listDatasets } from '../store/datasets.ts';
import { openStore } from '../store/open-store.ts';
import { trainingBatch } from '../training/windows.ts';
import { measureImport, ourWay } from './import-child.ts';
import { median } from './run-bench.ts';
import { textFiles } from './text-corpus.ts';

export interface DatasetBenchRequest {
  /** Folder whose text the large file is made of. */
  corpus: string;
  gigabytes: number;
}

/** One figure, and what it may be at most. */
export interface DatasetBenchRow {
  what: string;
  value: number | null;
  unit: 'bytes' | 'ms' | 'MB/s' | 'tokens/s';
  /** Null for a figure that is only told. */
  limit: number | null;
}

const LISTED = 500;
const PREVIEWS = 200;
const WINDOW = 512;
const BATCH = 8;
const SHARD_TOKENS = 20_000_000;
const BATCHES = 500;

/**
 * What must not grow with the data: memory and speed of the import of one very large file, the list of many datasets, a look at any document of a very
 * large one, and reading the windows of a mixture.
 */
export async function runDatasetBench({ corpus, gigabytes }: DatasetBenchRequest, say: (line: string) => void): Promise<DatasetBenchRow[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'strata-bench-'));
  try {
    const file = join(scratch, 'large.jsonl');
    say(`writing ${gigabytes} GB of text`);
    const bytes = await writeLarge(file, corpus, gigabytes * 1e9);
    const directory = join(scratch, 'dataset');
    say('importing it');
    const imported = await measureImport(ourWay('Strata', true), [file], null, scratch, directory);
    await rm(file);
    say('looking at its documents');
    const previews = await timePreviews(directory);
    const lists = await timeLists(scratch, directory);
    say('reading windows');
    const tokensPerSecond = await timeMixture(scratch);
    return [
      { what: `memory of importing ${gigabytes} GB, one file`, value: imported.peakMemory, unit: 'bytes', limit: 500e6 },
      { what: 'its speed', value: bytes / 1e6 / imported.seconds, unit: 'MB/s', limit: null },
      { what: `a look at 20 documents of it, median of ${PREVIEWS}`, value: median(previews), unit: 'ms', limit: 100 },
      { what: 'the slowest of them', value: Math.max(...previews), unit: 'ms', limit: 100 },
      { what: `a list of ${LISTED} datasets`, value: median(lists), unit: 'ms', limit: 100 },
      { what: `windows of a mixture, ${BATCH} x ${WINDOW}`, value: tokensPerSecond, unit: 'tokens/s', limit: null },
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The corpus again and again; a number in front of each document keeps them apart. Returns the bytes of text. */
async function writeLarge(path: string, corpus: string, wanted: number): Promise<number> {
  const texts: string[] = [];
  let collected = 0;
  for await (const text of textFiles(corpus)) {
    texts.push(text);
    if ((collected += text.length) >= 50e6) break;
  }
  const output = createWriteStream(path);
  let bytes = 0;
  for (let number = 0; bytes < wanted; number++) {
    const text = `${number} ${texts[number % texts.length]!}`;
    bytes += Buffer.byteLength(text);
    if (!output.write(JSON.stringify({ text }) + '\n')) await once(output, 'drain');
  }
  output.end();
  await once(output, 'close');
  return bytes;
}

async function timePreviews(directory: string): Promise<number[]> {
  const uniform = randomStream(1);
  const { documents } = await readManifest(directory);
  const times: number[] = [];
  for (let look = 0; look < PREVIEWS; look++) {
    const began = performance.now();
    await (await openDataset(directory)).range(Math.floor(uniform() * (documents - 20)), 20);
    times.push(performance.now() - began);
  }
  return times;
}

async function timeLists(scratch: string, directory: string): Promise<number[]> {
  const store = openStore(join(scratch, 'strata.db'));
  try {
    const { files: _files, ...summary } = summaryOf(await readManifest(directory));
    for (let number = 0; number < LISTED; number++) {
      insertDataset(store, {
        ...summary,
        id: `d${number}`,
        name: `dataset ${number}`,
        path: directory,
        createdAt: new Date(number).toISOString(),
      });
    }
    return Array.from({ length: 20 }, () => {
      const began = performance.now();
      listDatasets(store);
      return performance.now() - began;
    });
  } finally {
    store.close();
  }
}

/** Tokens per second that a mixture of one new and one old dataset gives, as the training step asks for them. */
async function timeMixture(scratch: string): Promise<number> {
  const uniform = randomStream(2);
  const documents = async function* (): AsyncGenerator<{ ids: Int32Array }> {
    for (let tokens = 0; tokens < SHARD_TOKENS; tokens += 1000)
      yield { ids: Int32Array.from({ length: 1000 }, () => Math.floor(uniform() * 49_152)) };
  };
  const path = join(scratch, 'windows.tokens');
  const windows = trainingWindows(await writeTokenShard(path, documents(), 49_152), WINDOW);
  const shard = await openTokenShard(path);
  try {
    const sources = (['new', 'old'] as const).map((role) => ({ datasetId: role, role, windows }));
    const curve = [0, 1].map((at) => ({ at, share: 0.25 }));
    const definition = {
      ...{ version: 2 as const, weighting: 'size' as const, temperature: 1, maxRepeats: null, schedule: 'constant', curve },
      weights: { new: 1, old: 1 },
    };
    const mixture = new MixtureStream(sources, definition, BATCHES * BATCH, 0);
    const shards = sources.map(({ datasetId, role }) => ({ datasetId, role, train: shard, heldOut: shard }));
    const began = performance.now();
    for (let step = 0; step < BATCHES; step++) trainingBatch(mixture, shards, { first: step * BATCH, count: BATCH }, WINDOW, 'plain');
    return (BATCHES * BATCH * WINDOW) / ((performance.now() - began) / 1000);
  } finally {
    await shard.close();
  }
}
