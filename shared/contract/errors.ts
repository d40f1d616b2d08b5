import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';

/** An error as it travels: see StrataError. */
export const errorRecordSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  found: z.string().optional(),
  allowed: z.string().optional(),
  hint: z.string().optional(),
});
