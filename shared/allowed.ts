/** A schema's complaint about a value, as zod makes it. */
interface Issue {
  message: string;
  code?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  inclusive?: boolean;
  origin?: string;
  expected?: string;
}

/** What a schema allows where it refused a number, in words such as "at least 1" or "a whole number"; the schema's own words for anything else. */
export function allowedBy(issue: Issue): string {
  const isNumber = issue.origin === 'number' || issue.origin === 'int';
  if (isNumber && issue.code === 'too_small') return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  if (isNumber && issue.code === 'too_big') return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
  if (issue.code === 'invalid_type' && issue.expected === 'int') return 'a whole number';
  return issue.message;
}
