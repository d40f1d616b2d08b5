import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { StrataError } from '../../shared/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { MeasuredWindow } from '../llama/measure.ts';
import { loadLlama } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import { measureLoss } from './evaluation.ts';
import type { EvaluateJob } from './messages.ts';
import { evaluationWindows } from './windows.ts';

export interface TextEvaluation {
  /** Scored tokens: the first of each window predicts, but is not predicted. */
  tokens: number;
  bytes: number;
  /** Nats. */
  lossPerToken: number;
  perplexity: number;
  /** Bits of the scored tokens divided by the bytes of the text. */
  bitsPerByte: number;
  /** Of each file, then of each text; one of less than two tokens has no loss. */
  parts: { tokens: number; bytes: number; lossPerToken: number | null }[];
}

/**
 * Loss of a saved model on texts, in files or given. Each one's token sequence, with the special tokens its tokenizer adds, is cut into
 * non-overlapping windows of the context length; tokens 1..n-1 of each are scored; the last short window counts.
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
  const parts: { windows: MeasuredWindow[]; bytes: number }[] = [];
  const add = (text: string): void => {
    parts.push({ windows: evaluationWindows(Int32Array.from(tokenizer.encode(text)), context), bytes: Buffer.byteLength(text) });
  };
  for (const file of job.files) add(await readText(file));
  for (const text of job.texts ?? []) add(text);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (parts.every(({ windows }) => windows.length === 0)) {
    throw new StrataError('BAD_INPUT', 'There is too little text to measure.', { found: `${bytes} bytes`, allowed: 'at least two tokens' });
  }
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
  await folder.close();
  const measured: TextEvaluation['parts'] = [];
  const sum = { loss: 0, tokens: 0 };
  for (const part of parts) {
    if (part.windows.length === 0) {
      measured.push({ tokens: 0, bytes: part.bytes, lossPerToken: null });
      continue;
    }
    const { loss, tokens } = await measureLoss(engine, model, part.windows);
    measured.push({ tokens, bytes: part.bytes, lossPerToken: loss });
    sum.loss += loss * tokens;
    sum.tokens += tokens;
  }
  const loss = sum.loss / sum.tokens;
  if (!Number.isFinite(loss)) {
    throw new StrataError('ENGINE', 'The loss of this text could not be measured.', {
      found: `a loss of ${loss}`,
      hint: 'The model may hold infinite or undefined weights.',
    });
  }
  return {
    tokens: sum.tokens,
    bytes,
    lossPerToken: loss,
    perplexity: Math.exp(loss),
    bitsPerByte: sum.loss / Math.LN2 / bytes,
    parts: measured,
  };
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
