/** Fields of a tokenizer.json, which may hold anything: each is of the kind that is asked for, or an error says which is not. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrong(what, 'an object', value);
}

export function asList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw wrong(what, 'a list', value);
}

/** A text without halves of surrogate pairs, which no text can hold. */
export function asText(value: unknown, what: string): string {
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw wrong(what, 'a text', value);
}

/** A whole number from 0 to the largest. */
export function asCount(value: unknown, what: string, largest = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw wrong(what, `a whole number from 0 to ${largest}`, value);
}

/** A field that may be missing or null, and is then the default. */
export function flag(object: JsonObject, name: string, otherwise: boolean): boolean {
  const value = object[name] ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw wrong(name, 'true or false', value);
}

export function optionalText(object: JsonObject, name: string): string | null {
  const value = object[name] ?? null;
  return value === null ? null : asText(value, name);
}

function wrong(what: string, allowed: string, value: unknown): Error {
  const found = value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 60) ?? typeof value);
  return new Error(`${what} must be ${allowed}, not ${found}`);
}
