import { ORPCError } from '@orpc/client';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';

/** Anything thrown by a call or by a rule of what may be asked, as what the screen shows: message, found, allowed, hint. */
export function failureOf(error: unknown): ErrorRecord {
  if (error instanceof ORPCError && error.code === 'STRATA') return error.data as ErrorRecord;
  if (error instanceof StrataError) return error.toRecord();
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message };
}
