const MAX_LENGTH = 60;

/** A value of a stranger's file as part of a message. Lists and objects are not written out: one may be nested so deep that writing it would end the program. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) {
    const isPlain = value.length <= 8 && value.every((each) => typeof each !== 'object' || each === null);
    return isPlain ? inShort(JSON.stringify(value)) : `a list of ${value.length}`;
  }
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? '{}' : 'an object';
  return inShort(JSON.stringify(value));
}

function inShort(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
