import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StrataError } from '../../../shared/errors.ts';
import { schemaRefusal } from '../schema-refusal.ts';
import { parseJsonText } from '../settings-json.ts';
import { SENTENCEPIECE_FIELD } from '../tokenizers/sentencepiece-json.ts';

/** The largest published tokenizer.json files have about 35 MB. */
const MAX_TOKENIZER_BYTES = 200_000_000;

const id = z.int().min(0);
/** A step of a pipeline: a type, and settings that depend on it. */
const step = z.looseObject({ type: z.string() });

const addedTokenSchema = z.object({
  id,
  content: z.string(),
  special: z.boolean().default(false),
  normalized: z.boolean().default(true),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  single_word: z.boolean().default(false),
});

const tokenizerSchema = z.object({
  added_tokens: z.array(addedTokenSchema),
  normalizer: step.nullish(),
  pre_tokenizer: step.nullish(),
  post_processor: step.nullish(),
  model: z.looseObject({ type: z.string().optional() }),
});

function isVocabulary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((id) => Number.isSafeInteger(id) && id >= 0);
}

const bytePairSchema = z.object({
  dropout: z.number().nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
  [SENTENCEPIECE_FIELD]: z.string().optional(),
  // Not z.record: a token may be called "__proto__".
  vocab: z.custom<Readonly<Record<string, number>>>(isVocabulary, 'an object of texts with their ids, whole numbers of at least 0'),
  merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
});

export type Step = z.output<typeof step>;
export type AddedToken = z.output<typeof addedTokenSchema>;
export type BytePairModel = z.output<typeof bytePairSchema>;
export interface BytePairTokenizer {
  addedTokens: AddedToken[];
  /** The steps of each stage in their order, those of a sequence one by one. */
  normalizers: Step[];
  preTokenizers: Step[];
  postProcessors: Step[];
  model: BytePairModel;
  /** Left and right part, the best first. */
  merges: [string, string][];
}

/**
 * The tokenizer.json of a model folder, when it holds a byte-pair encoding.
 * @throws StrataError NOT_FOUND, CORRUPT, or UNSUPPORTED for another kind of tokenizer.
 */
export async function readBytePairTokenizer(directory: string): Promise<BytePairTokenizer> {
  const path = join(directory, 'tokenizer.json');
  const found = await stat(path).catch(() => null);
  if (!found || found.size > MAX_TOKENIZER_BYTES) {
    throw new StrataError('NOT_FOUND', 'The model has no tokenizer that Strata reads.', {
      found: found ? `tokenizer.json of ${found.size} bytes` : `no tokenizer.json in ${directory}`,
      allowed: `a tokenizer.json of up to ${MAX_TOKENIZER_BYTES} bytes, as the tokenizers library writes it`,
      hint: 'Import the model again, with the tokenizer.json that was saved with its weights.',
    });
  }
  const json = parsed(path, tokenizerSchema, await jsonOf(path));
  if (json.model.type !== undefined && json.model.type !== 'BPE') {
    throw new StrataError('UNSUPPORTED', 'GGUF has no tokenizer of this kind that gives the same tokens.', {
      found: `a ${json.model.type} model in tokenizer.json`,
      allowed: 'a byte-pair encoding (BPE): of bytes, as GPT-2 and Llama 3 have it, or with byte pieces, as LLaMA has it',
      hint: 'Export it as a Hugging Face folder instead.',
    });
  }
  const model = parsed(path, bytePairSchema, json.model);
  return {
    addedTokens: json.added_tokens,
    normalizers: stepsOf(json.normalizer, 'normalizers'),
    preTokenizers: stepsOf(json.pre_tokenizer, 'pretokenizers'),
    postProcessors: stepsOf(json.post_processor, 'processors'),
    model,
    merges: model.merges.map((merge) => (typeof merge === 'string' ? splitMerge(path, merge) : merge)),
  };
}

async function jsonOf(path: string): Promise<unknown> {
  return parseJsonText(await readFile(path, 'utf8'), path);
}

const TOKENIZER_HINT = 'tokenizer.json must be the one that was saved with the model: download or copy it again.';

function parsed<Schema extends z.ZodType>(path: string, schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new StrataError('CORRUPT', `${path} cannot be understood.`, {
    ...schemaRefusal(result.error, value),
    hint: TOKENIZER_HINT,
  });
}

/** The steps of a stage, with sequences within sequences laid out. */
function stepsOf(stage: Step | null | undefined, member: string): Step[] {
  if (!stage) return [];
  if (stage.type !== 'Sequence') return [stage];
  const inner = z.array(step).safeParse(stage[member]);
  return inner.success ? inner.data.flatMap((part) => stepsOf(part, member)) : [stage];
}

/** Older files write a merge as two parts with a blank between; a part may be a blank itself. */
function splitMerge(path: string, merge: string): [string, string] {
  const cut = merge.indexOf(' ', 1);
  if (cut > 0 && cut < merge.length - 1) return [merge.slice(0, cut), merge.slice(cut + 1)];
  throw new StrataError('CORRUPT', `${path} has a merge of one part.`, {
    found: JSON.stringify(merge),
    allowed: 'two parts',
    hint: TOKENIZER_HINT,
  });
}
