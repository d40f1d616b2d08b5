/** A piece of a sample, and whether the other text has it, too, at its place. Space between pieces is never told apart. */
export interface Piece {
  text: string;
  isSame: boolean;
}

/** Largest number of words that are compared one by one: a sample has a few dozen. */
const MOST_WORDS = 400;

/** A text in pieces: those that it has in common with another one, in their order (longest common subsequence of words), and those of its own. */
export function piecesOf(text: string, other: string): Piece[] {
  const [mine, theirs] = [wordsOf(text), wordsOf(other)];
  if (Math.max(mine.length, theirs.length) > MOST_WORDS) return [{ text, isSame: text === other }];
  const pieces: Piece[] = [];
  const add = (word: string, isSame: boolean): void => {
    const last = pieces.at(-1);
    if (last?.isSame === isSame) last.text += word;
    else pieces.push({ text: word, isSame });
  };
  const isWord = (here: number, there: number): boolean => mine[here]!.trim() === theirs[there]!.trim();
  const lengths = commonLengths(mine.length, theirs.length, isWord);
  let [here, there] = [0, 0];
  while (here < mine.length) {
    if (there < theirs.length && isWord(here, there)) {
      add(mine[here]!, true);
      here++;
      there++;
    } else if (there < theirs.length && lengths[here]![there + 1]! >= lengths[here + 1]![there]!) there++;
    else add(mine[here++]!, false);
  }
  return pieces.flatMap((piece) => (piece.isSame ? [piece] : withoutSpace(piece.text)));
}

/** Pieces of its own with the ends of lines, indents and the space before it left out: marked space would only look ragged. */
function withoutSpace(text: string): Piece[] {
  return text
    .split(/(^\s+|\s*\n\s*|\s+$)/)
    .filter((part) => part !== '')
    .map((part) => ({ text: part, isSame: part.trim() === '' }));
}

/** Words, each with the space before it. */
function wordsOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

/** Length of the longest common subsequence of what follows each pair of places. */
function commonLengths(rows: number, columns: number, isSame: (row: number, column: number) => boolean): number[][] {
  const lengths = Array.from({ length: rows + 1 }, () => new Array<number>(columns + 1).fill(0));
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      lengths[row]![column] = isSame(row, column)
        ? lengths[row + 1]![column + 1]! + 1
        : Math.max(lengths[row + 1]![column]!, lengths[row]![column + 1]!);
    }
  }
  return lengths;
}
