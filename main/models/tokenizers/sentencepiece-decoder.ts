import { BLANK, type SentencePieceModel } from './sentencepiece-json.ts';

/** U+FFFD for each byte that belongs to no character. */
const REPLACEMENT = '\uFFFD';

/**
 * SentencePiece's own way from ids to text: marks are left out, an unknown piece shows as the model says, bytes become characters, and the
 * blank in front of a text goes; all blanks there where extra blanks are removed. Ids without a text are left out.
 * @param unknownSurface what stands for an unknown piece.
 * @param added texts of ids that are no pieces.
 */
export function sentencePieceDecoder(
  model: SentencePieceModel,
  unknownSurface: string,
  added: ReadonlyMap<number, string>,
): (ids: readonly number[]) => string {
  const { pieces, addDummyPrefix, removeExtraWhitespaces } = model;
  const dropsBlank = addDummyPrefix || removeExtraWhitespaces;
  return (ids) => {
    let text = '';
    let bytes: number[] = [];
    /** Whether a blank would still be the one in front of the text. */
    let begins = true;
    let hasDropped = false;
    for (const id of ids) {
      const piece = pieces[id];
      if (!piece) {
        text += textOfBytes(bytes) + (added.get(id) ?? '');
        bytes = [];
        continue;
      }
      if (piece.type === 'byte') {
        bytes.push(parseInt(piece.text.slice(3, 5), 16));
        continue;
      }
      text += textOfBytes(bytes);
      bytes = [];
      if (hasDropped || text !== '') begins = false;
      hasDropped = false;
      if (piece.type === 'control') continue;
      if (piece.type === 'unknown') {
        text += unknownSurface;
        continue;
      }
      const drops = begins && dropsBlank && piece.text.startsWith(BLANK);
      hasDropped = drops && !removeExtraWhitespaces;
      text += (drops ? piece.text.slice(BLANK.length) : piece.text).replaceAll(BLANK, ' ');
    }
    return text + textOfBytes(bytes);
  };
}

function textOfBytes(bytes: readonly number[]): string {
  let text = '';
  for (let begin = 0; begin < bytes.length;) {
    const length = characterLength(bytes, begin);
    text += length === 0 ? REPLACEMENT : Buffer.from(bytes.slice(begin, begin + length)).toString();
    begin += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the character that begins at a place; 0 where none does. */
function characterLength(bytes: readonly number[], begin: number): number {
  const first = bytes[begin]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const character = Buffer.from(bytes.slice(begin, begin + length));
  return character.length === length && isOneCharacter(character) ? length : 0;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isOneCharacter(bytes: Uint8Array): boolean {
  try {
    return [...strictUtf8.decode(bytes)].length === 1;
  } catch {
    return false;
  }
}
