import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Content } from '../../shared/domain/content.ts';
import { StrataError } from '../../shared/errors.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import { findPeer } from './find-python.ts';
import { median } from './run-bench.ts';

export interface TokenizerBenchRequest {
  /** Times that both sides are measured, in turn. */
  rounds: number;
  threads?: number;
  python?: string;
  /** Folder of the embedded model and the samples. */
  resources: string;
}

export interface TokenizerBenchRow {
  how: 'one thread' | 'all cores';
  /** Megabytes of text in a second, medians over the rounds. */
  ours: number;
  peer: number | null;
  /** Median over the rounds of our speed by that of tokenizers: above 1 Strata is faster. */
  ratio: number | null;
}

export interface TokenizerBenchReport {
  megabytes: number;
  threads: number;
  tokens: number;
  /** Version of Python's tokenizers, or why it was not measured. */
  peerVersion: string | null;
  peerMissing: string | null;
  rows: TokenizerBenchRow[];
}

const TEXT_BYTES = 10_000_000;
const peerAnswer = z.object({ version: z.string(), tokens: z.int(), oneThread: z.number(), allCores: z.number() });
type Seconds = Pick<z.infer<typeof peerAnswer>, 'tokens' | 'oneThread' | 'allCores'>;

/**
 * Encodes the samples' documents, some ten megabytes of them, with the embedded tokenizer: by one thread and by all, beside Python's
 * tokenizers on the same documents.
 * @throws StrataError INTERNAL when the two sides do not find the same number of tokens.
 */
export async function runTokenizerBench(request: TokenizerBenchRequest, say: (line: string) => void): Promise<TokenizerBenchReport> {
  const { rounds, resources, threads = availableParallelism() } = request;
  const { peer, reason } = await findPeer(request.python);
  const scratch = await mkdtemp(join(tmpdir(), 'strata-bench-'));
  try {
    const { documents, bytes } = await sampleDocuments(resources);
    const textsPath = join(scratch, 'documents.json');
    await writeFile(textsPath, JSON.stringify(documents));
    const directory = join(resources, 'base');
    const ours: Seconds[] = [];
    const theirs: z.infer<typeof peerAnswer>[] = [];
    const measurePeer = async (): Promise<void> => {
      if (peer) theirs.push(await peerSeconds(peer.python, join(directory, 'tokenizer.json'), textsPath, threads));
    };
    for (let round = 0; round < rounds; round++) {
      const turns = [async () => void ours.push(await ourSeconds(directory, documents, threads)), measurePeer];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
      const speeds = [ours.at(-1)!, ...(peer ? [theirs.at(-1)!] : [])].map(
        ({ oneThread, allCores }) => `${rate(bytes, oneThread)} and ${rate(bytes, allCores)} MB/s`,
      );
      say(`tokenizer, round ${round + 1} of ${rounds}: ${speeds[0]} Strata${speeds[1] ? `, ${speeds[1]} tokenizers` : ''}`);
    }
    const tokens = ours[0]!.tokens;
    const other = theirs.find((each) => each.tokens !== tokens);
    if (other) {
      throw new StrataError('INTERNAL', 'The two sides do not compute the same, so their speeds say nothing.', {
        found: `${tokens} tokens here, ${other.tokens} with tokenizers`,
      });
    }
    const row = (how: TokenizerBenchRow['how'], key: 'oneThread' | 'allCores'): TokenizerBenchRow => ({
      how,
      ours: median(ours.map((each) => bytes / 1e6 / each[key])),
      peer: peer && median(theirs.map((each) => bytes / 1e6 / each[key])),
      ratio: peer && median(ours.map((each, round) => theirs[round]![key] / each[key])),
    });
    return {
      megabytes: bytes / 1e6,
      threads,
      tokens,
      peerVersion: theirs[0]?.version ?? null,
      peerMissing: peer ? null : reason,
      rows: [row('one thread', 'oneThread'), row('all cores', 'allCores')],
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function rate(bytes: number, seconds: number): string {
  return (bytes / 1e6 / seconds).toFixed(1);
}

/** The samples' documents again and again; a number in front of each keeps them apart. */
async function sampleDocuments(resources: string): Promise<{ documents: string[]; bytes: number }> {
  const samples: string[] = [];
  for (const name of ['new', 'old']) {
    const lines = gunzipSync(await readFile(join(resources, `samples/${name}/documents.jsonl.gz`)))
      .toString()
      .split('\n');
    for (const line of lines) if (line !== '') samples.push((JSON.parse(line) as { text: string }).text);
  }
  const documents: string[] = [];
  let bytes = 0;
  while (bytes < TEXT_BYTES) {
    const text = `${documents.length} ${samples[documents.length % samples.length]!}`;
    documents.push(text);
    bytes += Buffer.byteLength(text);
  }
  return { documents, bytes };
}

async function ourSeconds(directory: string, documents: readonly string[], threads: number): Promise<Seconds> {
  const encoder = await loadContentEncoder(directory);
  const { tokenizer } = encoder;
  let tokens = 0;
  const began = performance.now();
  for (const text of documents) tokens += tokenizer.encode(text).length;
  const between = performance.now();
  const stream = async function* (): AsyncGenerator<Content> {
    for (const text of documents) yield { kind: 'text', text };
  };
  for await (const _ids of encoder.encodeAll(stream(), { threads, worthThreads: 0 }));
  return { tokens, oneThread: (between - began) / 1000, allCores: (performance.now() - between) / 1000 };
}

const run = promisify(execFile);

async function peerSeconds(python: string, tokenizerPath: string, textsPath: string, threads: number): Promise<z.infer<typeof peerAnswer>> {
  const script = join(import.meta.dirname, 'peer/tokenizer.py');
  const { stdout } = await run(python, [script, tokenizerPath, textsPath], {
    env: { ...process.env, RAYON_NUM_THREADS: String(threads) },
  });
  return peerAnswer.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1)!));
}
