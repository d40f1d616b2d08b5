import type { z } from 'zod';
import { allowedBy } from '../../shared/allowed.ts';
import { shownValue } from './shown-value.ts';

/** What one person reads of a file that is wrong in many places. */
const SHOWN = 5;

/** What a schema met in a value that it refused, and what it allows there, in words, with the fields' names. */
export function schemaRefusal(error: z.ZodError, value: unknown): { found: string; allowed: string } {
  const shown = error.issues.slice(0, SHOWN).map((issue) => {
    const name = issue.path.map(String).join('.') || 'the file';
    return { found: `${name}: ${shownValue(at(value, issue.path))}`, allowed: `${name}: ${allowedBy(issue)}` };
  });
  const more = error.issues.length > shown.length ? `; and ${error.issues.length - shown.length} more` : '';
  return { found: shown.map(({ found }) => found).join('; ') + more, allowed: shown.map(({ allowed }) => allowed).join('; ') };
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}
