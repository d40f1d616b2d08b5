import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleaningSettingsSchema, DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { importDataset } from '../datasets/import-dataset.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import { type ImportBenchAnswer, importBenchJobSchema } from './import-job.ts';

/** Our side of `strata bench import`, in a process of its own. `peer/import.py` is its counterpart. */

const NO_CLEANING = cleaningSettingsSchema.parse({
  ...{ unicode: 'off', controlCharacters: false, secrets: 'off', emails: 'off' },
  ...{ exactDuplicates: 'keep', nearDuplicates: 'off' },
});

const job = importBenchJobSchema.parse(JSON.parse(readFileSync(process.argv[2]!, 'utf8')));
const began = performance.now();
const dataset = await importDataset(job.files, job.destination, { cleaning: job.cleans ? DEFAULT_CLEANING : NO_CLEANING });
const between = performance.now();
const tokens = job.tokenizer === null ? 0 : await tokenise(job.tokenizer);
const ended = performance.now();
const answer: ImportBenchAnswer = {
  versions: `Node ${process.versions.node}`,
  seconds: (ended - began) / 1000,
  importSeconds: (between - began) / 1000,
  tokens,
};
process.stdout.write(`${JSON.stringify(answer)}\n`);

/** Tokens of the documents' own text: without those that Strata puts around each document, and the peer does not. */
async function tokenise(tokenizerPath: string): Promise<number> {
  const encoder = await loadContentEncoder(join(tokenizerPath, '..'));
  const shards = await buildTokenShards(job.destination, encoder);
  const around = encoder.tokenizer.documentStart.length + encoder.tokenizer.documentEnd.length;
  return shards.trainTokens + shards.heldOutTokens - dataset.documents * around;
}
