import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { methodSchema } from '../../shared/domain/method.ts';
import { planSchema } from '../../shared/domain/plan.ts';
import { roleSchema } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { writeTextAtomically } from './atomic-file.ts';

const trainingSchema = z.object({
  datasets: z.array(z.object({ name: z.string(), role: roleSchema, hash: z.string() })),
  replayShare: z.number(),
  steps: z.int(),
  tokens: z.record(z.string(), z.int()),
  gain: z.number(),
  forgetting: z.number().nullable(),
});

/** `expansion.json`: how a model was made of its base, beside its weights, so that it travels with them. */
const expansionSchema = z.object({
  schemaVersion: z.literal(2),
  base: z.object({ name: z.string(), hash: z.string() }),
  /** What was done to the base: with `expand`, the plan of the inserted blocks. */
  method: methodSchema,
  /** How it was trained; null while inserted blocks are identities. */
  training: trainingSchema.nullable(),
});
export type Expansion = z.infer<typeof expansionSchema>;

/** Version 1 knew expansion only. */
const version1Schema = z
  .object({
    schemaVersion: z.literal(1),
    base: z.object({ name: z.string(), hash: z.string() }),
    plan: planSchema,
    training: trainingSchema.nullable(),
  })
  .transform(({ base, plan, training }): Expansion => ({ schemaVersion: 2, base, method: { name: 'expand', plan }, training }));

export const EXPANSION_FILE = 'expansion.json';

export async function writeExpansionFile(directory: string, expansion: Expansion): Promise<void> {
  await writeTextAtomically(join(directory, EXPANSION_FILE), JSON.stringify(expansion, null, 2) + '\n');
}

/**
 * How a model folder was made, or null when Strata did not make it.
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
    return z.discriminatedUnion('schemaVersion', [expansionSchema, version1Schema]).parse(JSON.parse(text));
  } catch (error) {
    throw new StrataError('CORRUPT', `${EXPANSION_FILE} in the model's folder cannot be understood.`, {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'the file as Strata wrote it, schemaVersion 1 or 2',
      cause: error,
    });
  }
}
