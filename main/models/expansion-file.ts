import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { methodSchema, planSchema, roleSchema } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { writeTextAtomically } from './atomic-file.ts';

/** `expansion.json`: the plan that made a model, beside its weights, so that it travels with them. */
export const expansionSchema = z.object({
  schemaVersion: z.literal(1),
  base: z.object({ name: z.string(), hash: z.string() }),
  plan: planSchema,
  /** How the inserted blocks were trained; null while they are identities. */
  training: z
    .object({
      method: methodSchema,
      datasets: z.array(z.object({ name: z.string(), role: roleSchema, hash: z.string() })),
      replayShare: z.number(),
      steps: z.int(),
      tokens: z.record(z.string(), z.int()),
      gain: z.number(),
      forgetting: z.number().nullable(),
    })
    .nullable(),
});
export type Expansion = z.infer<typeof expansionSchema>;

export const EXPANSION_FILE = 'expansion.json';

export async function writeExpansionFile(directory: string, expansion: Expansion): Promise<void> {
  await writeTextAtomically(join(directory, EXPANSION_FILE), JSON.stringify(expansion, null, 2) + '\n');
}

/**
 * The expansion of a model folder, or null when it was not expanded by Strata.
 * @throws StrataError CORRUPT when the file is there but cannot be understood.
 */
export async function readExpansionFile(directory: string): Promise<Expansion | null> {
  let text: string;
  try {
    text = await readFile(join(directory, EXPANSION_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return expansionSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new StrataError('CORRUPT', `${EXPANSION_FILE} in the model's folder cannot be understood.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'the file as Strata wrote it, schemaVersion 1',
      cause: error,
    });
  }
}
