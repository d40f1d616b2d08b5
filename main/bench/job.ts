import { z } from 'zod';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import { methodSchema } from '../../shared/domain/method.ts';

/** What goes between `strata bench` and the two processes that it measures, ours and PyTorch's: the same job for both, as a file of JSON. */

export const benchTaskSchema = z.enum(['train', 'evaluate', 'generate', 'load', 'import', 'expand']);
export type BenchTask = z.infer<typeof benchTaskSchema>;

/** Tasks that only move a model's files: nothing is computed, and nothing compared with but what copies or rewrites the same bytes. */
export function movesFiles(task: BenchTask): boolean {
  return task === 'import' || task === 'expand';
}

export const benchJobSchema = z.object({
  task: benchTaskSchema,
  /** What an optimizer step changes; null where there is none. */
  method: methodSchema.nullable(),
  /** Windows come again and again, and Strata keeps what its frozen blocks make of them. PyTorch has no such thing. */
  cachesPrefix: z.boolean(),
  engine: z.string(),
  /** Where PyTorch computes: as the engine does. */
  device: z.enum(['cpu', 'cuda']),
  threads: z.int().min(1),
  /** The base, and the same with its copies inserted: Strata inserts them while loading, PyTorch loads what was expanded on disk. */
  baseDirectory: z.string(),
  expandedDirectory: z.string(),
  /** Token ids as little-endian int32: batch windows of context + 1 each for every step; after the last they begin anew. */
  windowsPath: z.string(),
  /** A file or folder that is not there yet, for what is written and not needed any more. */
  outputPath: z.string(),
  batch: z.int().min(1),
  context: z.int().min(2),
  newTokens: z.int().min(0),
  /** Steps that are made first and not counted: they fill caches and build what is built once. */
  warmUpSteps: z.int().min(0),
  steps: z.int().min(1),
  optimizer: z.object({
    learningRate: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    epsilon: z.number(),
    weightDecay: z.number(),
    clipNorm: z.number(),
  }),
});
export type BenchJob = z.infer<typeof benchJobSchema>;

/** What a process answers, on the last line of its stdout. */
export const measurementSchema = z.object({
  /** Of each counted step. */
  seconds: z.array(z.number()),
  /** Of every step, where there is one: both sides must find the same. */
  losses: z.array(z.number()),
  /** Largest resident set of the process, bytes. */
  peakMemory: z.number(),
});
export type Measurement = z.infer<typeof measurementSchema>;

export const benchAnswerSchema = z.union([measurementSchema, z.object({ error: errorRecordSchema })]);
