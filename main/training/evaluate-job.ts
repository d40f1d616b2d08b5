import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { DatasetMeasure, TokenShift } from '../../shared/domain/measurement.ts';
import { type Estimate, RESAMPLES } from '../../shared/domain/statistics.ts';
import { StrataError } from '../../shared/errors.ts';
import { openTokenShard } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { type Llama, loadLlama } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import type { ByteLength } from '../models/tokenizers/token-bytes.ts';
import { type DocumentSums, DocumentTally, type SizedWindow, sized } from './document-tally.ts';
import { scoreAll } from './evaluation.ts';
import type { EvaluateJob } from './messages.ts';
import { evaluationWindows, heldOutWindows } from './windows.ts';

export interface TextEvaluation {
  /** Scored tokens: the first of each window predicts, but is not predicted. */
  tokens: number;
  /** Of the texts; of a dataset's held-out part those that scored tokens stand for. */
  bytes: number;
  /** Nats, and its standard error by bootstrap over texts and documents; null with fewer than two of them. */
  lossPerToken: number;
  lossError: number | null;
  perplexity: number;
  /** Bits of the scored tokens divided by the bytes of the text. */
  bitsPerByte: number;
  /** Beside a reference: share of positions with its choice, KL(reference || model) in nats per token, ranks of the model's choice in it. */
  agreement: Estimate | null;
  drift: Estimate | null;
  shift: TokenShift | null;
  /** Of each file, then of each text; one of less than two tokens has no loss. */
  parts: { tokens: number; bytes: number; lossPerToken: number | null }[];
  /** Of each dataset's held-out part, as a run measures it. */
  datasets: DatasetMeasure[];
  /** What each document of these adds, where that was asked for. */
  documents?: DocumentSums[];
}

/** What a figure of all texts together is not of. */
const NO_DATASET = { datasetId: '', name: '', hash: '', role: 'old' } as const;

/**
 * Loss of a saved model on texts, in files or given, and on held-out parts of datasets. Each one's token sequence, a text's with the special
 * tokens its tokenizer adds, is cut into non-overlapping windows of the context length; tokens 1..n-1 of each are scored; the last short
 * window counts.
 */
export async function evaluateText(job: EvaluateJob, engine: Engine): Promise<TextEvaluation> {
  const folder = await openModelFolder(job.modelDirectory);
  const tokenizer = await loadTokenizer(job.modelDirectory);
  const context = job.context ?? folder.config.contextLength;
  if (context > folder.config.contextLength) {
    throw new StrataError('BAD_INPUT', 'The context is longer than the model was made for.', {
      found: `${context} tokens`,
      allowed: `2 to ${folder.config.contextLength} tokens`,
    });
  }
  const { byteLength } = tokenizer;
  const texts = [...(await Promise.all(job.files.map(readText))), ...(job.texts ?? [])].map((text) => ({
    bytes: Buffer.byteLength(text),
    windows: evaluationWindows(Int32Array.from(tokenizer.encode(text)), context).map((window) =>
      sized({ ...window, source: 0, documents: new Int32Array(window.tokens.length) }, byteLength),
    ),
  }));
  const parts = await heldOutParts(job, context, byteLength);
  const bytes = texts.reduce((sum, text) => sum + text.bytes, 0);
  if ([...texts, ...parts].every(({ windows }) => windows.length === 0)) {
    throw new StrataError('BAD_INPUT', 'There is too little text to measure.', { found: `${bytes} bytes`, allowed: 'at least two tokens' });
  }
  const reference = job.referenceDirectory === undefined ? null : await loadReference(job.referenceDirectory, tokenizer, engine);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
  await folder.close();
  const tallyOf = async (windows: readonly SizedWindow[]): Promise<DocumentTally> => {
    const tally = new DocumentTally();
    await scoreAll(engine, model, windows, reference, (window, scores) => tally.add(window, scores));
    return tally;
  };
  const [ofTexts, ofParts]: [DocumentTally[], DocumentTally[]] = [[], []];
  for (const { windows } of texts) ofTexts.push(await tallyOf(windows));
  for (const { windows } of parts) ofParts.push(await tallyOf(windows));
  const joined = DocumentTally.joined([...ofTexts, ...ofParts]);
  const all = joined.measure(NO_DATASET, 1, RESAMPLES);
  if (!Number.isFinite(all.loss.value)) {
    throw new StrataError('ENGINE', 'The loss of this text could not be measured.', {
      found: `a loss of ${all.loss.value}`,
      hint: 'The model may hold infinite or undefined weights.',
    });
  }
  const datasets = parts.map(({ datasetId, name, hash, length }, index) =>
    ofParts[index]!.measure({ datasetId, name, hash, role: 'old' }, length, RESAMPLES),
  );
  const allBytes = bytes + datasets.reduce((sum, dataset) => sum + dataset.bytes, 0);
  return {
    tokens: all.tokens,
    bytes: allBytes,
    lossPerToken: all.loss.value,
    lossError: all.loss.error,
    perplexity: Math.exp(all.loss.value),
    bitsPerByte: (all.loss.value * all.tokens) / Math.LN2 / allBytes,
    agreement: all.agreement,
    drift: all.drift,
    shift: all.shift,
    parts: texts.map((text, index) => {
      const { tokens, losses } = ofTexts[index]!.sums();
      return { bytes: text.bytes, tokens: tokens[0] ?? 0, lossPerToken: tokens.length > 0 ? losses[0]! / tokens[0]! : null };
    }),
    datasets,
    ...(job.withDocuments ? { documents: ofParts.map((tally) => tally.sums()) } : {}),
  };
}

type NonNullDatasets = NonNullable<EvaluateJob['datasets']>;

/** Held-out windows of each dataset. */
async function heldOutParts(
  job: EvaluateJob,
  context: number,
  byteLength: ByteLength,
): Promise<(NonNullDatasets[number] & { windows: SizedWindow[]; length: number })[]> {
  const parts: (NonNullDatasets[number] & { windows: SizedWindow[]; length: number })[] = [];
  for (const dataset of job.datasets ?? []) {
    const heldOut = await openTokenShard(dataset.heldOutPath);
    const windows = heldOutWindows([{ role: 'old', heldOut }], 'old', context, dataset.tokens ?? Infinity, job.order);
    parts.push({ ...dataset, length: heldOut.length, windows: windows.map((window) => sized(window, byteLength)) });
    await heldOut.close();
  }
  return parts;
}

/** @throws StrataError BAD_INPUT where the other model reads text in other tokens. */
async function loadReference(directory: string, { hash }: TextTokenizer, engine: Engine): Promise<Llama> {
  const other = await loadTokenizer(directory);
  if (other.hash !== hash) {
    throw new StrataError('BAD_INPUT', 'The reference reads text in other tokens than the model.', {
      found: 'another tokenizer',
      allowed: 'a model with the same tokenizer, such as the base',
      hint: 'Measure both alone, and compare their bits per byte.',
    });
  }
  const folder = await openModelFolder(directory);
  const reference = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
  await folder.close();
  return reference;
}

/** A text file, unpacked when its name ends in .gz; anything but UTF-8 is refused. */
async function readText(path: string): Promise<string> {
  if ((await stat(path)).isDirectory()) {
    throw new StrataError('BAD_INPUT', `${path} is not text.`, { found: 'a folder', allowed: 'UTF-8 text, plain or gzip (.gz)' });
  }
  const raw = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(path.endsWith('.gz') ? gunzipSync(raw) : raw);
  } catch (error) {
    throw new StrataError('BAD_INPUT', `${path} is not text.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'UTF-8 text, plain or gzip (.gz)',
      cause: error,
    });
  }
}
