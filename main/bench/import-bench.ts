import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { findPeer } from './find-python.ts';
import { type ImportBenchWay, type MeasuredImport, measureImport, ourWay } from './import-child.ts';
import { median } from './run-bench.ts';
import { textFiles, TEXT_SUFFIXES } from './text-corpus.ts';

export interface ImportBenchRequest {
  /** Times that all sides are measured, in turn. */
  rounds: number;
  python?: string;
  /** Folder of the embedded model, whose tokenizer both sides take. */
  resources: string;
  /** Folder whose text files are imported, such as node_modules. */
  corpus: string;
  megabytes: number;
}

/** One way to do it. */
export interface ImportBenchRow {
  how: string;
  /** Megabytes of text in a second, median over the rounds. */
  speed: number;
  seconds: number;
  /** Largest memory of the process and its children, bytes. */
  peakMemory: number | null;
  tokens: number;
}

export interface ImportBenchReport {
  megabytes: number;
  documents: number;
  rows: ImportBenchRow[];
  /** Ours with the default cleaning by the peer's faster way: speed above 1 is faster, memory below 1 is leaner. */
  speedRatio: number | null;
  memoryRatio: number | null;
  peerVersions: string | null;
  peerMissing: string | null;
}

const FILES = 4;

/**
 * From files of JSON Lines to tokens on disk: Strata with and without its cleaning, and Python's datasets with tokenizers, by its tokenizer's threads
 * and by two processes. The text is that of source files, each a document; the peer neither cleans nor looks for duplicates.
 * @throws StrataError NOT_FOUND when the folder has too little text; INTERNAL when the sides do not find the same tokens.
 */
export async function runImportBench(request: ImportBenchRequest, say: (line: string) => void): Promise<ImportBenchReport> {
  const { rounds, resources } = request;
  const { peer, reason } = await findPeer(request.python);
  const scratch = await mkdtemp(join(tmpdir(), 'strata-bench-'));
  try {
    const { files, bytes, documents } = await writeCorpus(request, scratch);
    const peerScript = join(import.meta.dirname, 'peer/import.py');
    const peerWay = (how: string, processes: number | null): ImportBenchWay => ({
      ...{ how, program: peer!.python, script: peerScript },
      job: { processes, cleans: false },
    });
    const ways: ImportBenchWay[] = [
      ourWay('Strata', true),
      ourWay('Strata, nothing cleaned', false),
      ...(peer ? [peerWay('datasets, threads of tokenizers', null), peerWay('datasets, two processes', 2)] : []),
    ];
    const measured = new Map(ways.map((way) => [way, [] as MeasuredImport[]]));
    for (let round = 0; round < rounds; round++) {
      for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
        const result = await measureImport(way, files, join(resources, 'base/tokenizer.json'), scratch);
        measured.get(way)!.push(result);
        say(`import, round ${round + 1} of ${rounds}, ${way.how}: ${result.seconds.toFixed(2)} s`);
      }
    }
    const rows = ways.map((way): ImportBenchRow => {
      const results = measured.get(way)!;
      const seconds = median(results.map((each) => each.seconds));
      const peaks = results.flatMap(({ peakMemory }) => peakMemory ?? []);
      return {
        how: way.how,
        seconds,
        speed: bytes / 1e6 / seconds,
        peakMemory: peaks.length > 0 ? median(peaks) : null,
        tokens: results[0]!.tokens,
      };
    });
    const [ours, uncleaned, ...theirs] = rows as [ImportBenchRow, ImportBenchRow, ...ImportBenchRow[]];
    const other = theirs.find(({ tokens }) => tokens !== uncleaned.tokens);
    if (other) {
      throw new StrataError('INTERNAL', 'The two sides do not compute the same, so their speeds say nothing.', {
        found: `${uncleaned.tokens} tokens here, ${other.tokens} of ${other.how}`,
      });
    }
    const fastest = theirs.length > 0 ? theirs.reduce((best, each) => (each.seconds < best.seconds ? each : best)) : null;
    const peerResults = measured.get(ways[2]!);
    return {
      megabytes: bytes / 1e6,
      documents,
      rows,
      speedRatio: fastest && fastest.seconds / ours.seconds,
      memoryRatio: fastest?.peakMemory && ours.peakMemory ? ours.peakMemory / fastest.peakMemory : null,
      peerVersions: peerResults?.[0]?.versions ?? null,
      peerMissing: peer ? null : reason,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Text files of a folder, each as a line of JSON, in a few files of about the same size. */
async function writeCorpus(
  { corpus, megabytes }: ImportBenchRequest,
  scratch: string,
): Promise<{ files: string[]; bytes: number; documents: number }> {
  const pieces: string[][] = Array.from({ length: FILES }, () => []);
  let [bytes, documents] = [0, 0];
  for await (const text of textFiles(corpus)) {
    pieces[documents % FILES]!.push(JSON.stringify({ text }) + '\n');
    bytes += Buffer.byteLength(text);
    documents++;
    if (bytes >= megabytes * 1e6) break;
  }
  if (bytes < megabytes * 1e6) {
    throw new StrataError('NOT_FOUND', 'The folder has too little text.', {
      found: `${(bytes / 1e6).toFixed(1)} MB in ${corpus}`,
      allowed: `${megabytes} MB of ${TEXT_SUFFIXES.join(', ')}`,
      hint: 'Run "npm run setup" first: the text is that of installed packages.',
    });
  }
  const files = pieces.map((_, index) => join(scratch, `corpus-${index}.jsonl`));
  for (const [index, path] of files.entries()) await writeFile(path, pieces[index]!.join(''));
  return { files, bytes, documents };
}
