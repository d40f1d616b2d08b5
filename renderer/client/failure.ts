import { ORPCError } from '@orpc/client';
import type { ErrorRecord } from '../../shared/errors.ts';

/** Anything thrown by a call, as what the screen shows: message, found, allowed, hint. */
export function failureOf(error: unknown): ErrorRecord {
  if (error instanceof ORPCError && error.code === 'STRATA') return error.data as ErrorRecord;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message };
}
