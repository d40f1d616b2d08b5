import { StrataError } from '../../../shared/errors.ts';
import type { RepositoryFile } from './repository-file.ts';

/** Of a repository, what its model needs. */
export interface ChosenFiles {
  files: RepositoryFile[];
  /** The file that lists the weights' shards, which have to be added by {@link addShards}; null where the weights are among the files. */
  index: RepositoryFile | null;
  /** What is imported: the first GGUF file, or null for the folder. */
  gguf: RepositoryFile | null;
}

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** Beside config.json and the weights: the tokenizer, how to chat and to generate, the plan of an expanded model, and what its owner says of it. */
const SMALL_FILE =
  /^(tokenizer\.(json|model)|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|chat_template\.(jinja|json)|generation_config\.json|expansion\.json|(LICENSE|LICENCE|NOTICE|USE_POLICY)[\w.-]*|README\.md)$/i;
const ABOUT = /^((LICENSE|LICENCE|NOTICE|USE_POLICY)[\w.-]*|README\.md)$/i;
/** NAME-00001-of-00003.gguf */
const GGUF_PART = /^(?<stem>.+)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$/i;
const MOST_PARTS = 1000;
/** More is no description of a model. */
const MAX_SMALL_BYTES = 256 * 2 ** 20;
const LISTED = 12;

/**
 * Chooses config.json with safetensors weights and the tokenizer; or a GGUF file (all its parts) where the repository has nothing else, or
 * one is named.
 * @param file name of a GGUF file, for a repository that holds several.
 * @throws StrataError BAD_INPUT with the choices when several models are possible; UNSUPPORTED when there is none that Strata reads.
 */
export function chooseFiles(listing: readonly RepositoryFile[], file?: string): ChosenFiles {
  const find = (path: string): RepositoryFile | undefined => listing.find((each) => each.path === path);
  if (file !== undefined) return ggufFiles(listing, findGguf(listing, file));
  const config = find('config.json');
  const [weights, index] = [find(WEIGHTS), find(INDEX)];
  if (config && (weights || index)) {
    const small = listing.filter(({ path }) => SMALL_FILE.test(path));
    const files = [config, ...small, ...(weights ? [weights] : [index!])];
    for (const each of files) if (each !== weights) checkSmall(each);
    return { files, index: weights ? null : index!, gguf: null };
  }
  const choices = firstParts(listing);
  if (choices.length === 1) return ggufFiles(listing, choices[0]!);
  if (choices.length > 1) {
    throw new StrataError('BAD_INPUT', 'The repository holds several models.', {
      found: `${choices.length} GGUF files`,
      allowed: list(choices.map(({ path, size }) => `${path} (${megabytes(size)})`)),
      hint: `Name one: --file ${choices[0]!.path}`,
    });
  }
  throw nothingToRead(listing);
}

/**
 * Adds the shards that an index names.
 * @param weightMap of the index: names of tensors to names of files.
 * @throws StrataError CORRUPT when the repository does not have them all.
 */
export function addShards(
  chosen: ChosenFiles,
  listing: readonly RepositoryFile[],
  weightMap: Readonly<Record<string, string>>,
): ChosenFiles {
  const shards: RepositoryFile[] = [];
  const missing: string[] = [];
  for (const name of new Set(Object.values(weightMap))) {
    const shard = listing.find(({ path }) => path === name && name.endsWith('.safetensors'));
    if (shard) shards.push(shard);
    else missing.push(name.slice(0, 200));
  }
  if (missing.length > 0 || shards.length === 0) {
    throw new StrataError('CORRUPT', "The repository does not have the files that its weights' index names.", {
      found: missing.length > 0 ? `no ${list(missing)}` : 'an index that names no file',
      allowed: `every file that ${INDEX} names`,
      hint: 'Try another revision, or ask the owner of the repository.',
    });
  }
  return { ...chosen, files: [...chosen.files, ...shards], index: null };
}

function ggufFiles(listing: readonly RepositoryFile[], first: RepositoryFile): ChosenFiles {
  const about = listing.filter(({ path }) => ABOUT.test(path));
  about.forEach(checkSmall);
  return { files: [...about, ...partsOf(listing, first)], index: null, gguf: first };
}

/** The GGUF files, of those in several parts the first. */
function firstParts(listing: readonly RepositoryFile[]): RepositoryFile[] {
  return listing.filter(({ path }) => {
    // A projector of images belongs to a model and is none.
    if (!/\.gguf$/i.test(path) || /(^|\/)mmproj/i.test(path)) return false;
    const number = GGUF_PART.exec(path)?.groups?.number;
    return number === undefined || Number(number) === 1;
  });
}

function findGguf(listing: readonly RepositoryFile[], name: string): RepositoryFile {
  const choices = firstParts(listing);
  const named = listing.find(({ path }) => path === name);
  const part = GGUF_PART.exec(name)?.groups;
  const first = part ? choices.find(({ path }) => path === `${part.stem}-00001-of-${part.count}.gguf`) : named;
  if (first && choices.includes(first)) return first;
  throw new StrataError(
    named ? 'UNSUPPORTED' : 'NOT_FOUND',
    named ? 'Only a GGUF file can be named.' : 'The repository has no such file.',
    {
      found: name,
      allowed: choices.length > 0 ? list(choices.map(({ path }) => path)) : 'none: the repository holds no GGUF file',
      hint: choices.length > 0 ? 'Name one of these.' : 'Leave --file out to take the whole model.',
    },
  );
}

function partsOf(listing: readonly RepositoryFile[], first: RepositoryFile): RepositoryFile[] {
  const part = GGUF_PART.exec(first.path)?.groups;
  if (!part) return [first];
  const count = Number(part.count);
  const parts: RepositoryFile[] = [];
  for (let number = 1; number <= Math.min(count, MOST_PARTS); number++) {
    const path = `${part.stem}-${String(number).padStart(5, '0')}-of-${part.count}${first.path.slice(-'.gguf'.length)}`;
    const found = listing.find((each) => each.path === path);
    if (found) parts.push(found);
  }
  if (count > 0 && parts.length === count) return parts;
  throw new StrataError('CORRUPT', 'The repository does not have all parts of this model.', {
    found: `${parts.length} of ${count} parts of ${first.path}`,
    allowed: `all parts, and at most ${MOST_PARTS}`,
    hint: 'Try another revision, or another file.',
  });
}

function checkSmall({ path, size }: RepositoryFile): void {
  if (size <= MAX_SMALL_BYTES) return;
  throw new StrataError('CORRUPT', 'A file of the repository is too large for what it is.', {
    found: `${path}, ${megabytes(size)}`,
    allowed: `up to ${megabytes(MAX_SMALL_BYTES)}: only weights are larger`,
    hint: 'Try another revision, or another repository of the same model.',
  });
}

function nothingToRead(listing: readonly RepositoryFile[]): StrataError {
  const has = (pattern: RegExp): boolean => listing.some(({ path }) => pattern.test(path));
  const hint = has(/^adapter_model\./)
    ? 'It holds an adapter, not a model: import its base, and train from there.'
    : has(/^pytorch_model.*\.bin$|\.(pt|pth)$/)
      ? 'Its weights are in a format that can run programs when it is read. Look for a revision or a copy with safetensors.'
      : 'Look for a repository of a LLaMA or Mistral model with safetensors or GGUF files.';
  return new StrataError('UNSUPPORTED', 'The repository holds no model that Strata reads.', {
    found: listing.length === 0 ? 'no files' : list(listing.map(({ path }) => path)),
    allowed: `config.json with ${WEIGHTS} or ${INDEX}, or a .gguf file`,
    hint,
  });
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
