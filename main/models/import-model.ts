import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { EMBEDDING_TENSOR, HEAD_TENSOR } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { checkSettings } from './check-settings.ts';
import { copyWeights, examineWeights } from './copy-weights.ts';
import { copySmallFiles } from './small-files.ts';
import { EXPANSION_FILE } from './expansion/expansion-file.ts';
import { writeGgufFolder } from './gguf/import-gguf.ts';
import { isLlama2c, writeLlama2cFolder } from './llama2c.ts';
import { type ModelFolder, modelFiles, modelHash, openModelFolder, PYTORCH_HINT, SINGLE_FILE, INDEX_FILE } from './model-folder.ts';
import { openRegularFile, sizeOfFile } from './regular-file.ts';
import { sameBytes } from './safetensors.ts';
import { loadTokenizer } from './tokenizer.ts';
import { writeTokenizerFromSentencePiece } from './tokenizers/sentencepiece-file.ts';

export interface ImportedModel {
  suggestedName: string;
  architecture: string;
  /** Of the folder that was made: see {@link modelHash}. */
  hash: string;
  /** What its files say and Strata does not go by, in sentences. */
  notes: string[];
}

/**
 * Brings a model into a folder of its own: a Hugging Face folder as it is (weights in their precision), or a GGUF file or
 * llama2.c checkpoint converted to one. The result was opened, its tokenizer loaded and every weight looked at; it appears only when complete.
 * @throws StrataError that says which file is missing, damaged or not supported.
 */
export async function importModel(path: string, destination: string): Promise<ImportedModel> {
  const info = await stat(path).catch(() => null);
  if (!info)
    throw new StrataError('NOT_FOUND', 'There is no such file or folder.', {
      found: path,
      allowed: ALLOWED,
      hint: 'Check the spelling; a relative path is taken from the folder that the command was typed in.',
    });
  const partial = `${destination}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const file = info.isDirectory() ? await modelFileIn(path) : path;
    const { hash, notes: found } = file === null ? { hash: await copyModelFolder(path, partial), notes: [] } : await convert(file, partial);
    const folder = await openModelFolder(partial);
    await folder.close();
    const notes = [...found, ...notesOf(folder)];
    await rename(partial, destination);
    const name = basename(info.isDirectory() ? path.replace(/\/+$/, '') : path).replace(/(-\d{5}-of-\d{5})?\.(gguf|bin)$/, '');
    return { suggestedName: name, architecture: folder.architecture, hash, notes };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

const ALLOWED =
  'a Hugging Face folder (config.json, model.safetensors, tokenizer.json), a GGUF file, or a llama2.c checkpoint (.bin) with its tokenizer beside it';

/** The model file of a folder that has no weights as Hugging Face folders have them; null when there is none. */
async function modelFileIn(directory: string): Promise<string | null> {
  const names = await readdir(directory);
  if (names.some((name) => name.endsWith('.safetensors') || name === INDEX_FILE)) return null;
  const files: string[] = [];
  for (const name of names.sort()) {
    const isFirst = (/-(\d{5})-of-\d{5}\.gguf$/.exec(name)?.[1] ?? '00001') === '00001'; // the others belong to it
    if (!name.endsWith('.bin') && !(name.endsWith('.gguf') && isFirst)) continue;
    await sizeOfFile(directory, name); // a pipe of that name would be waited for
    if (name.endsWith('.gguf') || (await isLlama2c(join(directory, name)))) files.push(name);
  }
  if (files.length > 1) {
    throw new StrataError('BAD_INPUT', 'This folder holds several models.', {
      found: files.slice(0, 20).join(', '),
      allowed: 'one model',
      hint: `Import one of the files, such as ${join(directory, files[0]!)}.`,
    });
  }
  return files[0] === undefined ? null : join(directory, files[0]);
}

/** Turns a file of another format into a model folder and returns its hash, and what the user should know of the file. */
async function convert(path: string, destination: string): Promise<{ hash: string; notes: string[] }> {
  const start = await firstBytes(path);
  let notes: string[] = [];
  if (beginsAsGguf(path, start)) notes = await writeGgufFolder(path, destination);
  else if (await isLlama2c(path)) await writeLlama2cFolder(path, destination);
  else throw notAModel(path, start);
  const folder = await openModelFolder(destination);
  await folder.close();
  await checkTokenizer(destination, folder);
  const hash = await modelHash(destination, async (file, hash) => {
    if (extname(file) === '.safetensors') await examineWeights(file, hash);
    else hash.update(await readFile(file));
  });
  return { hash, notes };
}

/** A file that ends within these letters is one that was cut off, if its name says what it was to be. */
export function beginsAsGguf(path: string, start: Buffer): boolean {
  const letters = start.toString('latin1', 0, GGUF_LETTERS.length);
  return letters === GGUF_LETTERS || (isNamedGguf(path) && GGUF_LETTERS.startsWith(letters));
}
const GGUF_LETTERS = 'GGUF';

function isNamedGguf(path: string): boolean {
  return extname(path).toLowerCase() === '.gguf';
}

async function copyModelFolder(source: string, destination: string): Promise<string> {
  const folder = await openModelFolder(source); // refuses what is not a whole model before anything is copied
  try {
    await checkHead(folder);
    await checkSettings(folder);
    await copySmallFiles(source, destination);
    const hasTokenizer = (await sizeOfFile(source, 'tokenizer.json')) !== null;
    const isConverted = !hasTokenizer && (await sizeOfFile(source, 'tokenizer.model')) !== null;
    if (isConverted) await writeTokenizerFromSentencePiece(destination);
    await checkTokenizer(isConverted ? destination : source, folder);
    const files = await modelFiles(source);
    for (const name of files.includes(INDEX_FILE) ? [INDEX_FILE, EXPANSION_FILE] : [EXPANSION_FILE]) {
      if ((await sizeOfFile(source, name)) === null) continue;
      await copyFile(join(source, name), join(destination, name), constants.COPYFILE_FICLONE);
    }
    return await modelHash(source, async (file, hash) => {
      const name = basename(file);
      if (name === 'config.json') {
        const bytes = await readFile(file);
        hash.update(bytes);
        await writeFile(join(destination, name), bytes);
      } else await copyWeights(file, join(destination, files.includes(INDEX_FILE) ? name : SINGLE_FILE), hash);
    });
  } finally {
    await folder.close();
  }
}

/** A tied head is the embedding. Where the weights hold another one, it or the configuration is wrong, and programs differ in which they take. */
async function checkHead({ config, directory, readStored }: ModelFolder): Promise<void> {
  if (!config.tiedEmbeddings) return;
  const [table, head] = [readStored(EMBEDDING_TENSOR), readStored(HEAD_TENSOR)];
  if (!table || !head || (await sameBytes(table, head))) return;
  throw new StrataError('CORRUPT', 'The model has a head of its own, but its configuration says that the head is the embedding.', {
    found: `${HEAD_TENSOR} that differs from ${EMBEDDING_TENSOR}, with tie_word_embeddings: true`,
    allowed: 'one table, or two that are the same',
    hint: `Set tie_word_embeddings to false in ${join(directory, 'config.json')} if the head was trained apart; otherwise save the model again without it.`,
  });
}

/** Fields of the model's own files that are accepted and not used; a person may have meant them. */
function notesOf({ architecture, config, configJson }: ModelFolder): string[] {
  const window = configJson.sliding_window;
  // transformers gives a LLaMA's attention no window, so neither do we; one that is no shorter than the context would change nothing.
  if (architecture !== 'LlamaForCausalLM' || typeof window !== 'number' || window >= config.contextLength) return [];
  return [
    `config.json names a sliding window of ${window} tokens, which a LlamaForCausalLM does not have: attention goes over the whole context of ` +
      `${config.contextLength}. If the model was trained with the window, its architecture is MistralForCausalLM.`,
  ];
}

/** Loads the tokenizer of a folder. */
async function checkTokenizer(directory: string, { config }: ModelFolder): Promise<void> {
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer.vocabularySize <= config.vocabularySize) return;
  throw new StrataError('CORRUPT', 'The tokenizer knows more tokens than the model.', {
    found: `${tokenizer.vocabularySize} tokens in tokenizer.json`,
    allowed: `up to ${config.vocabularySize}, the model's vocabulary`,
    hint: 'tokenizer.json must be the one that belongs to these weights.',
  });
}

export async function firstBytes(path: string): Promise<Buffer> {
  const file = await openRegularFile(path);
  try {
    const bytes = Buffer.alloc(8);
    return bytes.subarray(0, (await file.read(bytes, 0, bytes.length, 0)).bytesRead);
  } finally {
    await file.close();
  }
}

/** How archives begin. PyTorch's files are zip archives by another name. */
const ARCHIVES: readonly { name: string; starts: readonly string[] }[] = [
  { name: 'a zip archive', starts: ['PK\x03\x04', 'PK\x05\x06'] },
  { name: 'a gzip archive', starts: ['\x1f\x8b'] },
  { name: 'a zstd archive', starts: ['\x28\xb5\x2f\xfd'] },
  { name: 'an xz archive', starts: ['\xfd7zXZ'] },
  { name: 'a 7z archive', starts: ['7z\xbc\xaf'] },
];

function beginning(start: Buffer): string {
  return `, which begins with ${JSON.stringify(start.toString('latin1', 0, GGUF_LETTERS.length))} instead of "${GGUF_LETTERS}"`;
}

function notAModel(path: string, start: Buffer): StrataError {
  const extension = extname(path).toLowerCase();
  const archive = ARCHIVES.find(({ starts }) => starts.some((each) => start.toString('latin1').startsWith(each)));
  const isPyTorch = ['.bin', '.pt', '.pth', '.ckpt'].includes(extension);
  const hint = isPyTorch
    ? PYTORCH_HINT
    : extension === '.safetensors'
      ? `Import its folder instead: ${dirname(path)}`
      : archive
        ? 'Unpack it and import the folder that was in it.'
        : isNamedGguf(path)
          ? 'Download or copy it again: what lies there is no GGUF file, whatever its name says.'
          : 'Convert it to a Hugging Face folder first.';
  return new StrataError('UNSUPPORTED', 'This file is not a model that Strata reads.', {
    found: archive && !isPyTorch ? `${basename(path)}, ${archive.name}` : basename(path) + (isNamedGguf(path) ? beginning(start) : ''),
    allowed: ALLOWED,
    hint,
  });
}
