import { StrataError } from '../../../shared/errors.ts';
import type { TokenModel } from './byte-pair-model.ts';
import { asText, type JsonObject } from './json-fields.ts';
import type { Normalizer } from './normalizers.ts';
import { sentencePieceDecoder } from './sentencepiece-decoder.ts';
import { parseSentencePieceModel } from './sentencepiece-file.ts';
import { SENTENCEPIECE_FIELD } from './sentencepiece-json.ts';
import { sentencePieceTokenModel } from './sentencepiece-model.ts';
import { sentencePieceNormalizer } from './sentencepiece-normalizer.ts';
import type { AddedToken, Vocabulary } from './vocabulary.ts';

/** SentencePiece's own steps, in the place of those that tokenizer.json describes. */
export interface SentencePieceSteps {
  /** Added tokens that are looked for in a text: not user-defined symbols, which SentencePiece finds itself. */
  sought: readonly AddedToken[];
  normalize: Normalizer;
  model: TokenModel;
  decode: (ids: readonly number[]) => string;
  unknownId: number | null;
}

/**
 * The steps of the tokenizer.model that a tokenizer.json was made from; null where it was made from none.
 * @param json the model of tokenizer.json.
 * @throws StrataError CORRUPT for a tokenizer.model that is damaged or has other tokens than tokenizer.json.
 */
export function sentencePieceSteps(json: JsonObject, vocabulary: Vocabulary, added: readonly AddedToken[]): SentencePieceSteps | null {
  if (json[SENTENCEPIECE_FIELD] === undefined) return null;
  const file = parseSentencePieceModel(Buffer.from(asText(json[SENTENCEPIECE_FIELD], SENTENCEPIECE_FIELD), 'base64'));
  const ids = new Map(file.pieces.map(({ text }, id) => [text, id]));
  const other = [...vocabulary].find(([text, id]) => ids.get(text) !== id)?.[0] ?? [...ids.keys()].find((text) => !vocabulary.has(text));
  if (other !== undefined) {
    throw new StrataError('CORRUPT', 'tokenizer.json has other tokens than the SentencePiece model in it.', {
      found: `the token ${JSON.stringify(other.slice(0, 60))}`,
      allowed: `the pieces of ${SENTENCEPIECE_FIELD}, with the same ids`,
      hint: `Take tokenizer.json as Strata wrote it; or take ${SENTENCEPIECE_FIELD} out of it: then it is read as the tokenizers library reads it.`,
    });
  }
  // Tokens that were added since, such as those of a chat template, are found in a text as in any tokenizer.json.
  const later = added.filter(({ id }) => !(id in file.pieces));
  const texts = new Map(later.filter(({ isSpecial }) => !isSpecial).map(({ content, id }) => [id, content]));
  return {
    sought: [...added.filter(({ id, isSpecial }) => isSpecial && id in file.pieces), ...later],
    normalize: sentencePieceNormalizer(file),
    model: sentencePieceTokenModel(file),
    decode: sentencePieceDecoder(file, file.unknownSurface, texts),
    unknownId: file.unknownId,
  };
}
