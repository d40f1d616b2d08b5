/**
 * Finds the elements of one long list in JSON text that comes in pieces: the list that is the whole value, or the first list of objects or
 * lists below a name of the whole object. Each element is handed out as its own text, for JSON.parse to judge; the text around the list is
 * kept with an empty list in its place, for JSON.parse to judge, too. So a list of any size is read and checked in the memory of one element.
 *
 * The library that streams JSON, stream-json, says of itself that it is not for files from outside.
 */

/** An element is held whole. */
const MAX_ELEMENT_CHARACTERS = 256 * 1024 * 1024;
/** What lies around the list is a header. */
const MAX_SKELETON_CHARACTERS = 64 * 1024 * 1024;

const [QUOTE, BACKSLASH, COMMA, OPENED_OBJECT, CLOSED_OBJECT, OPENED_LIST, CLOSED_LIST, N_OF_NULL] = [...'"\\,{}[]n'].map((each) =>
  each.charCodeAt(0),
);

/** Whether JSON allows the character between values. */
function isBlank(character: number): boolean {
  return character === 0x20 || (character >= 0x09 && character <= 0x0d);
}

export class JsonElements {
  /** Everything but the elements; the list is empty in it. */
  skeleton = '';
  /** Whether the list has begun. */
  hasList = false;

  #depth = 0;
  /** Whether the whole value is an object. */
  #isInObject = false;
  /** The depth inside the list's brackets; 0 while it is not found. */
  #listDepth = 0;
  #isListOver = false;
  #isInString = false;
  #isEscaped = false;
  /** After `[` at a depth where the list could lie: what its first element is decides. */
  #isDeciding = false;
  #element: string[] = [];
  #elementCharacters = 0;
  #elements = 0;
  /** Whether a comma promised another element. */
  #isPromised = false;

  /**
   * Texts of the elements that end in this piece.
   * @throws SyntaxError where the commas of the list are not in order; RangeError for an element or a header too long to hold.
   */
  push(piece: string): string[] {
    const found: string[] = [];
    let start = 0;
    const inList = (): boolean => this.#listDepth > 0 && !this.#isListOver;
    const flush = (end: number): void => {
      if (end > start) this.#keep(piece.slice(start, end));
      start = end;
    };
    for (let index = 0; index < piece.length; index++) {
      if (this.#isInString) {
        index = this.#skipString(piece, index);
        continue;
      }
      const character = piece.charCodeAt(index);
      if (this.#isDeciding && !isBlank(character)) {
        this.#isDeciding = false;
        if (this.#isFirstOfList(character)) {
          flush(index);
          this.#listDepth = this.#depth;
          this.hasList = true;
        }
      }
      if (character === QUOTE) this.#isInString = true;
      else if (character === COMMA) {
        if (!inList() || this.#depth !== this.#listDepth) continue;
        flush(index);
        start = index + 1;
        this.#endElement(found, false);
      } else if (character === OPENED_OBJECT || character === OPENED_LIST) {
        if (++this.#depth === 1) this.#isInObject = character === OPENED_OBJECT;
        this.#isDeciding = !this.hasList && character === OPENED_LIST && this.#depth === (this.#isInObject ? 2 : 1);
      } else if (character === CLOSED_OBJECT || character === CLOSED_LIST) {
        if (inList() && this.#depth === this.#listDepth) {
          flush(index);
          this.#endElement(found, true);
          this.#isListOver = true;
        }
        this.#depth--;
      }
    }
    flush(piece.length);
    return found;
  }

  /** A list of texts or numbers below a name is not the table; one that is the whole value is. */
  #isFirstOfList(character: number): boolean {
    if (character === CLOSED_LIST) return false;
    return !this.#isInObject || character === OPENED_OBJECT || character === OPENED_LIST || character === N_OF_NULL;
  }

  /** The place of the quote that ends a string, or of the piece's end. */
  #skipString(piece: string, index: number): number {
    for (; index < piece.length; index++) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (piece.charCodeAt(index) === BACKSLASH) this.#isEscaped = true;
      else if (piece.charCodeAt(index) === QUOTE) {
        this.#isInString = false;
        return index;
      }
    }
    return index;
  }

  #keep(text: string): void {
    if (this.#listDepth > 0 && !this.#isListOver) {
      this.#element.push(text);
      this.#elementCharacters += text.length;
      if (this.#elementCharacters > MAX_ELEMENT_CHARACTERS) throw new RangeError(`a row of more than ${MAX_ELEMENT_CHARACTERS} characters`);
    } else {
      this.skeleton += text;
      if (this.skeleton.length > MAX_SKELETON_CHARACTERS)
        throw new RangeError(`more than ${MAX_SKELETON_CHARACTERS / 2 ** 20} MB before or after its list of rows, or none`);
    }
  }

  #endElement(found: string[], isLast: boolean): void {
    const text = this.#element.join('');
    this.#element = [];
    this.#elementCharacters = 0;
    const isMissing = text.trim() === '';
    // An empty list has no element; everywhere else each comma stands between two.
    if (isMissing && (!isLast || this.#isPromised)) throw new SyntaxError(`row ${this.#elements + 1} is missing`);
    this.#isPromised = !isLast;
    if (isMissing) return;
    this.#elements++;
    found.push(text);
  }
}
