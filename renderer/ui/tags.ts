/** As the contract has it. */
export const MAX_TAG_LENGTH = 60;

/** The tags with another one; what is empty or there already, upper and lower case alike, changes nothing. */
export function addTag(tags: readonly string[], typed: string): string[] {
  const tag = typed.trim().slice(0, MAX_TAG_LENGTH);
  const isThere = tags.some((each) => each.toLowerCase() === tag.toLowerCase());
  return tag === '' || isThere ? [...tags] : [...tags, tag];
}

/** Tags that all of several things have, in the order of the first. */
export function commonTags(each: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = each;
  return first.filter((tag) => others.every((tags) => tags.includes(tag)));
}

/** What becomes of one thing's tags when those that it has in common with others are changed. */
export function changedTags(own: readonly string[], before: readonly string[], after: readonly string[]): string[] {
  const kept = own.filter((tag) => !before.includes(tag) || after.includes(tag));
  return [...kept, ...after.filter((tag) => !kept.includes(tag))];
}
