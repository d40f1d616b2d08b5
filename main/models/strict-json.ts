/** What a JSON text may hold before it is parsed: parsing builds all of it in memory. */
export interface JsonLimits {
  /** Lists and objects inside each other. */
  depth: number;
  /** Values, names of values not counted. */
  values: number;
}

/** One object of a JSON text names something twice. */
export class NamedTwiceError extends SyntaxError {}

/**
 * Parses a JSON text of a stranger. `JSON.parse` alone keeps the last of several values with the same name, where another program may
 * keep the first.
 * @throws SyntaxError when it is not JSON, is nested deeper or has more values than allowed, or names something twice in one object.
 */
export function parseJson(text: string, { depth, values }: JsonLimits): unknown {
  const open: (Set<string> | null)[] = []; // of each open object the names it has so far; null for a list
  let count = 1;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE: {
        const end = endOfString(text, index);
        const names = open.at(-1);
        if (names && isName(text, end)) {
          const name = JSON.parse(text.slice(index, end)) as string;
          if (names.has(name)) throw new NamedTwiceError(`${JSON.stringify(name.slice(0, 100))} is there twice`);
          names.add(name);
        }
        index = end - 1;
        break;
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        open.push(text.charCodeAt(index) === OPEN_BRACE ? new Set() : null);
        if (open.length > depth) throw new SyntaxError(`it is nested deeper than ${depth} levels`);
        count++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        open.pop();
        break;
      case COMMA:
        count++;
        break;
    }
    if (count > values) throw new SyntaxError(`it has more than ${values} values`);
  }
  return JSON.parse(text);
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Where the string that begins at `start` ends: after its closing quote, or where the text ends. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) return index + 1;
  }
  return text.length;
}

/** Whether a colon follows, with nothing but white space before it: then the string is the name of a value. */
function isName(text: string, end: number): boolean {
  let index = end;
  while (text.charCodeAt(index) <= 0x20) index++;
  return text.charCodeAt(index) === COLON;
}
