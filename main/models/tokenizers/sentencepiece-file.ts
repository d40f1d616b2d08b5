import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';
import { writeTextAtomically } from '../atomic-file.ts';
import { readSettings } from '../settings-json.ts';
import { protobufFields, type ProtobufField } from './protobuf.ts';
import { type SentencePiece, type SentencePieceModel, sentencePieceTokenizerJson, type SentencePieceType } from './sentencepiece-json.ts';

/** tokenizer.model: the ModelProto of SentencePiece (sentencepiece_model.proto), a protocol buffer. */

/** The largest published ones have about 4 MB. */
const MAX_MODEL_BYTES = 64_000_000;
const MAX_PIECES = 1_048_576;
const MAX_PIECE_BYTES = 4096;

/** Numbers of fields in ModelProto and the messages in it. */
const MODEL = { pieces: 1, trainer: 2, normalizer: 3, denormalizer: 5 };
const PIECE = { text: 1, score: 2, type: 3 };
const TRAINER = { kind: 3, suffixSpaces: 24, unknownId: 40, bosId: 41, eosId: 42, unknownSurface: 44 };
const NORMALIZER = { map: 2, addDummyPrefix: 3, removeExtraWhitespaces: 4, escapeWhitespaces: 5 };

const KINDS: Readonly<Record<number, string>> = { 1: 'Unigram', 2: 'BPE', 3: 'WORD', 4: 'CHAR' };
const TYPES: Readonly<Record<number, SentencePieceType>> = {
  1: 'normal',
  2: 'unknown',
  3: 'control',
  4: 'userDefined',
  5: 'unused',
  6: 'byte',
};

/** What a tokenizer.model says. */
export interface SentencePieceFile extends SentencePieceModel {
  /** What stands in decoded text for an unknown piece. */
  unknownSurface: string;
}

/**
 * Reads a tokenizer.model. A start token is put in front of a text, as LLaMA's tokenizers do; an end token is not.
 * @throws StrataError CORRUPT for a file that is none, UNSUPPORTED for a kind that Strata does not compute.
 */
export async function readSentencePieceModel(path: string): Promise<SentencePieceFile> {
  return (await readFileAndModel(path)).model;
}

async function readFileAndModel(path: string): Promise<{ model: SentencePieceFile; bytes: Buffer }> {
  const { size } = await stat(path);
  if (size > MAX_MODEL_BYTES) {
    throw new StrataError('CORRUPT', `${path} is not a SentencePiece model.`, {
      found: `${size} bytes`,
      allowed: `at most ${MAX_MODEL_BYTES} bytes`,
      hint: 'Download or copy the file again and compare its size with the original.',
    });
  }
  try {
    const bytes = await readFile(path);
    return { model: parseSentencePieceModel(bytes), bytes };
  } catch (error) {
    if (!(error instanceof StrataError) || error.code !== 'CORRUPT') throw error;
    throw new StrataError('CORRUPT', `${path} is not a SentencePiece model.`, {
      found: error.found ?? error.message,
      allowed: error.allowed ?? 'a tokenizer.model as SentencePiece writes it',
      hint: 'Download or copy the file again and compare its size with the original.',
      cause: error,
    });
  }
}

/** The bytes of a tokenizer.model. @throws StrataError as {@link readSentencePieceModel}, but for the file's name. */
export function parseSentencePieceModel(bytes: Uint8Array): SentencePieceFile {
  const pieces: SentencePiece[] = [];
  const [trainer, normalizer, denormalizer]: [Settings, Settings, Settings] = [new Map(), new Map(), new Map()];
  for (const field of protobufFields(bytes)) {
    if (!('bytes' in field)) continue;
    if (field.number === MODEL.pieces) {
      if (pieces.length === MAX_PIECES) throw corrupt('more pieces', `at most ${MAX_PIECES}`);
      pieces.push(readPiece(field.bytes, pieces.length));
    }
    if (field.number === MODEL.trainer) readSettingsOf(field.bytes, Object.values(TRAINER), trainer);
    if (field.number === MODEL.normalizer) readSettingsOf(field.bytes, Object.values(NORMALIZER), normalizer);
    if (field.number === MODEL.denormalizer) readSettingsOf(field.bytes, [NORMALIZER.map], denormalizer);
  }
  if (pieces.length === 0) throw corrupt('no pieces', 'at least one');
  const kind = KINDS[numberOf(trainer, TRAINER.kind, 1)];
  if (kind !== 'BPE' && kind !== 'Unigram') throw unsupported(`the kind ${kind ?? numberOf(trainer, TRAINER.kind, 1)}`, 'BPE, Unigram');
  if (numberOf(trainer, TRAINER.suffixSpaces, 0) !== 0) throw unsupported('blanks behind words', 'blanks in front of words');
  if (numberOf(normalizer, NORMALIZER.escapeWhitespaces, 1) === 0) throw unsupported('blanks as themselves', 'blanks as ▁');
  if (mapOf(denormalizer)) throw unsupported('decoded text that is changed once more (denormalizer_spec)', 'decoded text as it is');
  const unknown = pieces.findIndex(({ type }) => type === 'unknown');
  const idOf = (field: number, otherwise: number): number | null => {
    const id = numberOf(trainer, field, otherwise);
    return id >= 0 && pieces[id]?.type === 'control' ? id : null;
  };
  const surface = trainer.get(TRAINER.unknownSurface);
  return {
    pieces,
    kind,
    addDummyPrefix: numberOf(normalizer, NORMALIZER.addDummyPrefix, 1) !== 0,
    removeExtraWhitespaces: numberOf(normalizer, NORMALIZER.removeExtraWhitespaces, 1) !== 0,
    normalizerMap: mapOf(normalizer),
    addBos: true,
    addEos: false,
    bosId: idOf(TRAINER.bosId, 1),
    eosId: idOf(TRAINER.eosId, 2),
    unknownId: unknown === -1 ? null : unknown,
    unknownSurface: surface && 'bytes' in surface ? Buffer.from(surface.bytes).toString() : UNKNOWN_SURFACE,
  };
}

/** What SentencePiece shows for an unknown piece where the model does not say it. */
const UNKNOWN_SURFACE = ' \u2047 ';

function mapOf(settings: Settings): Uint8Array | null {
  const map = settings.get(NORMALIZER.map);
  return map && 'bytes' in map && map.bytes.length > 0 ? map.bytes : null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readPiece(bytes: Uint8Array, id: number): SentencePiece {
  let [text, score] = ['', 0];
  let type: SentencePieceType | undefined = 'normal';
  for (const field of protobufFields(bytes)) {
    if (field.number === PIECE.text && 'bytes' in field) text = textOf(field.bytes, id);
    if (field.number === PIECE.score && 'value' in field) score = floatOf(field.value);
    if (field.number === PIECE.type && 'value' in field) type = TYPES[Number(field.value)];
  }
  if (text === '') throw corrupt(`an empty piece ${id}`, 'a text');
  if (!type) throw corrupt(`piece ${id} of an unknown type`, Object.values(TYPES).join(', '));
  if (!Number.isFinite(score)) throw corrupt(`piece ${id} with the score ${score}`, 'a finite number');
  return { text, score, type };
}

function textOf(bytes: Uint8Array, id: number): string {
  if (bytes.length > MAX_PIECE_BYTES) throw corrupt(`piece ${id} of ${bytes.length} bytes`, `at most ${MAX_PIECE_BYTES}`);
  try {
    return utf8.decode(bytes);
  } catch {
    throw corrupt(`piece ${id}, whose bytes are no text`, 'UTF-8');
  }
}

function floatOf(bits: bigint): number {
  return new Float32Array(Uint32Array.of(Number(BigInt.asUintN(32, bits))).buffer)[0]!;
}

/** Fields of a message by their number. */
type Settings = Map<number, ProtobufField>;

/** Of each field the last one counts, also when the message itself comes twice. */
function readSettingsOf(message: Uint8Array, numbers: readonly number[], settings: Settings): void {
  for (const field of protobufFields(message)) if (numbers.includes(field.number)) settings.set(field.number, field);
}

/** An int32, or a flag as 0 or 1. */
function numberOf(settings: Settings, number: number, otherwise: number): number {
  const field = settings.get(number);
  return field && 'value' in field ? Number(BigInt.asIntN(32, field.value)) : otherwise;
}

function corrupt(found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', 'A SentencePiece model is damaged.', {
    found,
    allowed,
    hint: 'Download or copy the file again and compare its size with the original.',
  });
}

function unsupported(found: string, allowed: string): StrataError {
  return new StrataError('UNSUPPORTED', 'Strata does not know this kind of SentencePiece model.', {
    found,
    allowed,
    hint: 'Take the model with a tokenizer.json instead, or choose another one.',
  });
}

/**
 * Writes tokenizer.json, with the tokenizer.model in it, beside the tokenizer.model of a folder, and tokenizer_config.json where there is none. Whether start and end tokens
 * are added is as tokenizer_config.json says it (`add_bos_token`, `add_eos_token`).
 * @throws StrataError as readSentencePieceModel.
 */
export async function writeTokenizerFromSentencePiece(directory: string): Promise<void> {
  const { model, bytes } = await readFileAndModel(join(directory, 'tokenizer.model'));
  const settingsPath = join(directory, 'tokenizer_config.json');
  const settings = await readSettings(settingsPath);
  const addBos = typeof settings?.add_bos_token === 'boolean' ? settings.add_bos_token : model.addBos;
  const addEos = typeof settings?.add_eos_token === 'boolean' ? settings.add_eos_token : model.addEos;
  const json = sentencePieceTokenizerJson({ ...model, addBos, addEos }, bytes);
  await writeTextAtomically(join(directory, 'tokenizer.json'), `${JSON.stringify(json)}\n`);
  if (settings) return;
  const textOfId = (id: number | null): string | null => (id === null ? null : model.pieces[id]!.text);
  const written = {
    bos_token: textOfId(model.bosId),
    eos_token: textOfId(model.eosId),
    unk_token: textOfId(model.unknownId),
    add_bos_token: addBos,
    add_eos_token: addEos,
    clean_up_tokenization_spaces: false,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
  await writeTextAtomically(settingsPath, `${JSON.stringify(written, null, 2)}\n`);
}
