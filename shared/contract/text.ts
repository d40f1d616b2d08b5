import { z } from 'zod';
import { datasetMeasureSchema, estimateSchema, tokenShiftSchema } from '../domain/measurement.ts';

/** Loss of a model on texts and held-out parts of datasets. */
export const textEvaluationSchema = z.object({
  tokens: z.int(),
  bytes: z.int(),
  /** Nats, with the standard error by bootstrap over texts and documents. */
  lossPerToken: z.number(),
  lossError: z.number().nullable(),
  perplexity: z.number(),
  bitsPerByte: z.number(),
  /** Beside a reference. */
  agreement: estimateSchema.nullable(),
  drift: estimateSchema.nullable(),
  shift: tokenShiftSchema.nullable(),
  datasets: z.array(datasetMeasureSchema),
});
