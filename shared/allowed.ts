/** A schema's complaint about a value, as zod makes it. */
interface Issue {
  message: string;
  code?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  inclusive?: boolean;
  origin?: string;
  expected?: string;
  values?: readonly unknown[];
}

/** What a schema allows where it refused a value, in words such as "at least 1" or "a whole number"; the schema's own words for what has no others. */
export function allowedBy(issue: Issue): string {
  const isNumber = issue.origin === 'number' || issue.origin === 'int';
  const isList = issue.origin === 'array';
  if (isNumber && issue.code === 'too_small') return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  if (isNumber && issue.code === 'too_big') return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
  if (issue.code === 'invalid_type' && issue.expected !== undefined) return KINDS[issue.expected] ?? issue.message;
  if (issue.code === 'invalid_value' && issue.values) return issue.values.map((value) => JSON.stringify(value)).join(' or ');
  if (isList && issue.code === 'too_small') return `a list of at least ${issue.minimum}`;
  if (isList && issue.code === 'too_big') return `a list of at most ${issue.maximum}`;
  return issue.message.replace(/^Invalid discriminator value\. Expected /, '').replaceAll(' | ', ' or ');
}

const KINDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};
