import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { type ImportBenchAnswer, importBenchAnswerSchema, type ImportBenchJob } from './import-job.ts';
import { watchTreeMemory } from './tree-memory.ts';

/** One way to make a dataset of files. */
export interface ImportBenchWay {
  how: string;
  program: string;
  script: string;
  job: Pick<ImportBenchJob, 'processes' | 'cleans'>;
}

export type MeasuredImport = ImportBenchAnswer & { /** Of the process and its children, bytes. */ peakMemory: number | null };

export function ourWay(how: string, cleans: boolean): ImportBenchWay {
  return { how, program: process.execPath, script: join(import.meta.dirname, 'import-process.ts'), job: { processes: null, cleans } };
}

/**
 * Imports files in a process of its own; nothing of it stays.
 * @param tokenizer a tokenizer.json; null makes no tokens.
 * @param keepAt where the dataset is to stay; nowhere unless said.
 * @throws StrataError CRASHED with the last that the process said.
 */
export async function measureImport(
  way: ImportBenchWay,
  files: string[],
  tokenizer: string | null,
  scratch: string,
  keepAt?: string,
): Promise<MeasuredImport> {
  const folder = await mkdtemp(join(scratch, 'round-'));
  const jobPath = join(folder, 'job.json');
  const job: ImportBenchJob = { files, tokenizer, destination: keepAt ?? join(folder, 'result'), cache: join(folder, 'cache'), ...way.job };
  await writeFile(jobPath, JSON.stringify(job));
  const child = spawn(way.program, [way.script, jobPath], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: join(folder, 'home') },
  });
  const peak = watchTreeMemory(child.pid!);
  let [output, complaint] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (complaint = (complaint + piece.toString()).slice(-2000)));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const peakMemory = peak();
  await rm(folder, { recursive: true, force: true });
  if (code !== 0) {
    throw new StrataError('CRASHED', `${way.how} did not come to its end.`, {
      found: complaint.trim().split('\n').at(-1) ?? `exit code ${code}`,
      allowed: 'an import that answers with its figures',
      hint: 'For datasets, "npm run parity" sets up a Python that has it.',
    });
  }
  return { ...importBenchAnswerSchema.parse(JSON.parse(output.trimEnd().split('\n').at(-1)!)), peakMemory };
}
