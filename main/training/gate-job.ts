import { evaluateGate, type GateDocument, type GateEvaluation } from '../../shared/domain/gate.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { openTokenShard, type TokenShard } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { disposeLlama, type Llama, loadLlama } from '../llama/parameters.ts';
import { tokenLosses } from '../llama/score.ts';
import { withStrengths } from '../llama/strength.ts';
import { openModelFolder } from '../models/model-folder.ts';
import type { GateJob, TrainerEvent } from './messages.ts';

/** Rows of one forward pass. */
const ROWS_AT_ONCE = 4096;
/** Documents are padded to multiples of this: what is compiled for one length serves for all near it. */
const LENGTH_STEP = 64;

/** Measures held-out documents with a pack and without it, and what a gate would do with each. */
export async function evaluatePackGate(
  job: GateJob,
  engine: Engine,
  emit: (event: TrainerEvent) => void,
): Promise<Pick<GateEvaluation, 'results' | 'engine'>> {
  emit({ type: 'activity', text: words('said.loadingModel') });
  const folder = await openModelFolder(job.modelDirectory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), insertedBefore: job.positions });
  await folder.close();
  const without = withStrengths(
    engine,
    model,
    model.blocks.map((_, position) => (job.positions.includes(position) ? 0 : 1)),
  ).model;
  const measured: { name: string; role: GateJob['datasets'][number]['role']; documents: GateDocument[] }[] = [];
  for (const { name, role, heldOutPath } of job.datasets) {
    const shard = await openTokenShard(heldOutPath);
    const documents = documentsOf(shard, job.documents, job.documentTokens);
    await shard.close();
    emit({ type: 'activity', text: words('said.readingDocuments', { documents: String(documents.length), name }) });
    const found: GateDocument[] = [];
    for (const batch of batchesOf(documents)) {
      const [bare, whole] = [await lossesOf(engine, without, batch), await lossesOf(engine, model, batch)];
      found.push(...batch.map(({ learned }, index) => ({ without: bare[index]!, with: whole[index]!, learned })));
      emit({ type: 'done', done: found.length, of: documents.length });
    }
    measured.push({ name, role, documents: found });
  }
  disposeLlama(model);
  const results = job.tokens.map((tokens) => ({
    tokens,
    figures: measured.map(({ name, role, documents }) => {
      const figure = evaluateGate(documents, tokens, { role, dataset: name });
      if (figure) return figure;
      throw new StrataError('BAD_INPUT', `The held-out documents of "${name}" are too short for a gate of ${tokens} tokens.`, {
        found: `${documents.length} documents, the longest of ${Math.max(0, ...documents.map((each) => each.with.length))} predicted tokens`,
        allowed: 'documents with a token after those that decide',
        hint: 'Choose fewer tokens.',
      });
    }),
  }));
  return { results, engine: engine.name };
}

/** A held-out document, and which of its tokens after the first count; null for all. */
interface Tokens {
  ids: Int32Array; // [T]
  learned: Uint8Array | null; // [T - 1]
}

/** The first documents of a shard, each cut at a length; those of one token predict nothing. */
function documentsOf(shard: TokenShard, most: number, length: number): Tokens[] {
  const of = shard.documents(0, shard.length);
  if (!of) throw new StrataError('INTERNAL', 'The token shard does not know its documents.');
  const found: Tokens[] = [];
  for (let start = 0; start < of.length && found.length < most;) {
    let end = start + 1;
    while (end < of.length && of[end] === of[start]) end++;
    const count = Math.min(length, end - start);
    if (count > 1) found.push({ ids: shard.read(start, count), learned: shard.learned(start + 1, count - 1) });
    start = end;
  }
  return found;
}

function paddedLength({ ids }: Tokens): number {
  return Math.ceil(ids.length / LENGTH_STEP) * LENGTH_STEP;
}

/** Documents of about one length together, in their order. */
function batchesOf(documents: readonly Tokens[]): Tokens[][] {
  const batches: Tokens[][] = [];
  for (const [length, group] of Map.groupBy(documents, paddedLength)) {
    const most = Math.max(1, Math.floor(ROWS_AT_ONCE / length));
    for (let start = 0; start < group.length; start += most) batches.push(group.slice(start, start + most));
  }
  return batches;
}

/** Losses of the tokens 1..n-1 of each document. What is padded stands behind, where nothing before it looks. */
async function lossesOf(engine: Engine, model: Llama, documents: readonly Tokens[]): Promise<Float32Array[]> {
  const [batch, time] = [documents.length, paddedLength(documents[0]!)];
  const inputs = new Int32Array(batch * time);
  const targets = new Int32Array(batch * time);
  for (const [row, { ids }] of documents.entries()) {
    inputs.set(ids, row * time);
    targets.set(ids.subarray(1), row * time);
  }
  const losses = await tokenLosses(engine, model, { batch, time, inputs, targets });
  return documents.map(({ ids }, row) => losses.slice(row * time, row * time + ids.length - 1));
}
