import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Expansion, expansionSchema, type ExpansionStep } from '../../../shared/domain/expansion.ts';
import { methodSchema } from '../../../shared/domain/method.ts';
import { planSchema } from '../../../shared/domain/plan.ts';
import { roleSchema } from '../../../shared/domain/run.ts';
import { StrataError } from '../../../shared/errors.ts';
import { writeTextAtomically } from '../atomic-file.ts';
import { schemaRefusal } from '../schema-refusal.ts';

/** `expansion.json`: how a model was made of its base, beside its weights, so that it travels with them. */
export const EXPANSION_FILE = 'expansion.json';

/** The file of a model of 126 blocks after ten steps has less than a megabyte; what comes from strangers must not fill the memory. */
const MAX_FILE_BYTES = 64_000_000;

/** Before version 3 the file knew the last step only, and not what of it had stayed the base's. */
const earlierTrainingSchema = z.object({
  datasets: z.array(z.object({ name: z.string(), role: roleSchema, hash: z.string() })),
  replayShare: z.number(),
  steps: z.int(),
  /** By the dataset's id. */
  tokens: z.record(z.string(), z.int()),
  gain: z.number(),
  forgetting: z.number().nullable(),
});

const earlierFields = {
  base: z.object({ name: z.string(), hash: z.string() }),
  training: earlierTrainingSchema.nullable(),
};
type EarlierTraining = z.infer<typeof earlierTrainingSchema>;

const version2Schema = z
  .object({ schemaVersion: z.literal(2), ...earlierFields, method: methodSchema })
  .transform(({ base, method, training }) => fromEarlier(base, method, training));

/** Version 1 knew expansion only. */
const version1Schema = z
  .object({ schemaVersion: z.literal(1), ...earlierFields, plan: planSchema })
  .transform(({ base, plan, training }) => fromEarlier(base, { name: 'expand', plan }, training));

function fromEarlier(base: Expansion['base'], method: ExpansionStep['method'], training: EarlierTraining | null): Expansion {
  const step = { id: null, name: null, base, method, importance: null, training: training && trainingFromEarlier(training) };
  return { schemaVersion: 3, base, line: [step], frozen: null, changed: null };
}

function trainingFromEarlier({ datasets, tokens, ...rest }: EarlierTraining): ExpansionStep['training'] {
  const counts = Object.values(tokens); // in the order of the datasets, whose ids were not written down
  const total = counts.reduce((sum, count) => sum + count, 0);
  const isKnown = counts.length === datasets.length && total > 0;
  return {
    ...rest,
    run: null,
    datasets: datasets.map((dataset, index) => ({
      ...dataset,
      tokens: isKnown ? counts[index]! : null,
      share: isKnown ? counts[index]! / total : null,
    })),
    tokens: total,
  };
}

export async function writeExpansionFile(directory: string, expansion: Expansion): Promise<void> {
  await writeTextAtomically(join(directory, EXPANSION_FILE), JSON.stringify(expansion, null, 2) + '\n');
}

/** How a model came to be that one more step has made: the line of its base, and that step. */
export function extendedBy(base: Expansion | null, step: ExpansionStep, tensors: Pick<Expansion, 'frozen' | 'changed'>): Expansion {
  const line = [...(base?.line ?? []), step];
  const schemaVersion = line.some(({ composition }) => composition) ? 4 : 3;
  return { schemaVersion, base: base?.base ?? step.base, line, ...tensors };
}

/**
 * How a model folder was made, or null when Strata did not make it.
 * @throws StrataError CORRUPT when the file is there but cannot be understood.
 */
export async function readExpansionFile(directory: string): Promise<Expansion | null> {
  const path = join(directory, EXPANSION_FILE);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!found) return null;
  if (found.size > MAX_FILE_BYTES) throw notUnderstood({ found: `${found.size} bytes`, allowed: `up to ${MAX_FILE_BYTES} bytes` });
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw notUnderstood({ found: error instanceof Error ? error.message : String(error), allowed: WRITTEN }, error);
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const isOther = parsed.error.issues.some(({ path }) => path.length === 0 || path[0] === 'schemaVersion');
  throw notUnderstood(
    isOther ? { ...schemaRefusal(parsed.error, json), allowed: WRITTEN } : schemaRefusal(parsed.error, json),
    parsed.error,
  );
}

const fileSchema = z.discriminatedUnion('schemaVersion', [expansionSchema, version2Schema, version1Schema]);
const WRITTEN = 'the file as Strata wrote it, schemaVersion 1 to 4';

function notUnderstood(difference: { found: string; allowed: string }, cause?: unknown): StrataError {
  return new StrataError('CORRUPT', `${EXPANSION_FILE} in the model's folder cannot be understood.`, {
    ...difference,
    hint: 'Put the file back as it was, or delete it to use the model as a base of its own.',
    cause,
  });
}
