import type { SensitiveKind } from '../../../shared/domain/cleaning.ts';
import { ibanLength, isCardNumber } from './checksums.ts';

/**
 * What secrets and personal data look like. Every expression is safe for hostile text: it starts at a rare literal or, by a look behind, only where a
 * run of its characters starts, and its repetitions are bounded or over classes that exclude what follows them. So the time is linear in the text.
 */
export interface SensitiveRule {
  kind: SensitiveKind;
  group: 'secrets' | 'emails' | 'phones';
  /** One of these stands in every text that the expression matches: a fast look before the slow one. None for a kind without. */
  hints: readonly string[];
  pattern: RegExp;
  /** The part of a match that is sensitive, as [start, end) within it; null when the match is something else after all. */
  verify?: Verify;
}

type Verify = (match: RegExpExecArray) => readonly [number, number] | null;

function wholeIf(isRight: (match: RegExpExecArray) => boolean): Verify {
  return (match) => (isRight(match) ? [0, match[0].length] : null);
}

export const SENSITIVE_RULES: readonly SensitiveRule[] = [
  {
    // Unique identifiers of IAM: AKIA for access keys, ASIA for temporary ones, 16 characters of base 32 (AWS, IAM user guide, "IAM identifiers").
    kind: 'aws-access-key',
    group: 'secrets',
    hints: ['AKIA', 'ASIA'],
    pattern: /(?<![A-Za-z0-9])A(?:KI|SI)A[A-Z2-7]{16}(?![A-Za-z0-9])/g,
  },
  {
    // "Behind GitHub's new authentication token formats" (2021); fine-grained ones: GitHub documentation, "About authentication to GitHub".
    kind: 'github-token',
    group: 'secrets',
    hints: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    pattern: /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})(?![A-Za-z0-9_])/g,
  },
  {
    // gitleaks, rule gcp-api-key.
    kind: 'google-api-key',
    group: 'secrets',
    hints: ['AIza'],
    pattern: /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g,
  },
  {
    // Slack documentation, "Tokens"; gitleaks, rules slack-*.
    kind: 'slack-token',
    group: 'secrets',
    hints: ['xox'],
    pattern: /(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,250}/g,
  },
  {
    // gitleaks, rule openai-api-key: T3BlbkFJ, "OpenAI" in base64, stands in the middle. Keys of projects, services and admins are longer than the first ones.
    kind: 'openai-key',
    group: 'secrets',
    hints: ['sk-'],
    pattern:
      /(?<![A-Za-z0-9_-])sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,200}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}(?![A-Za-z0-9_-]))/g,
    verify: wholeIf((match) => isRandom(match[0])),
  },
  {
    // gitleaks, rules anthropic-api-key and anthropic-admin-api-key: a version, 93 characters and "AA"; shorter ones of the same form are found too.
    kind: 'anthropic-key',
    group: 'secrets',
    hints: ['sk-ant-'],
    pattern: /(?<![A-Za-z0-9_-])sk-ant-[A-Za-z0-9_-]{20,200}/g,
    verify: wholeIf((match) => isRandom(match[0])),
  },
  {
    // RFC 7468 (PEM); RFC 4880, section 6.2 (OpenPGP's "PRIVATE KEY BLOCK"). Without an end the line that begins it is what is found.
    kind: 'private-key',
    group: 'secrets',
    hints: ['PRIVATE KEY'],
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?:[^-]|-(?!----)){1,65536}-----END [A-Z0-9 ]{1,60}-----)?/g,
  },
  {
    // RFC 7519 with RFC 7515, section 7.1: three parts of base64url, the first of which is a JSON object with "alg".
    kind: 'jwt',
    group: 'secrets',
    hints: ['eyJ'],
    pattern: /(?<![A-Za-z0-9_.-])(eyJ[A-Za-z0-9_-]{8,})\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
    verify: wholeIf((match) => isTokenHeader(match[1]!)),
  },
  {
    // A value that looks random, given to a name that says so; the names and the entropy of gitleaks' rule generic-api-key.
    kind: 'api-key',
    group: 'secrets',
    hints: [],
    pattern:
      /(?:api[_-]?key|access[_-]?key|secret|token|passw(?:or)?d|credential|auth)[A-Za-z0-9_-]{0,20}["'`]?[ \t]{0,4}(?::=|=>|[=:])[ \t]{0,4}(["'`]?)([A-Za-z0-9+/_=.~-]{16,})/gi,
    verify: randomValue,
  },
  {
    // A quoted value given to a password; gitleaks' rule generic-api-key knows the names, and leaves out words and placeholders.
    kind: 'password',
    group: 'secrets',
    hints: [],
    pattern: /(?:password|passwd|passphrase|pwd)["'`]?[ \t]{0,4}(?::=|=>|[=:])[ \t]{0,4}(["'`])([^\s"'`]{8,64})\1/gi,
    verify: passwordValue,
  },
  {
    // ISO/IEC 7812: written in one, in fours, or as American Express does.
    kind: 'credit-card',
    group: 'secrets',
    hints: [],
    pattern: /(?<![\d.,_-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5})(?![\d_-]|[.,]\d)/g,
    verify: wholeIf((match) => isCardNumber(match[0].replace(/[ -]/g, ''))),
  },
  {
    // ISO 13616-1: in one or in fours; capitals that follow may be the next word, so the country's length tells where it ends.
    kind: 'iban',
    group: 'secrets',
    hints: [],
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}/g,
    verify: accountNumber,
  },
  {
    // RFC 5321, 4.5.3.1 (64 characters before the at sign, 63 in a label), without quoted names, which nobody has.
    kind: 'e-mail',
    group: 'emails',
    hints: ['@'],
    pattern:
      /(?<![\p{L}\p{N}_%+-])[\p{L}\p{N}_%+-][\p{L}\p{N}._%+-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/gu,
    verify: wholeIf((match) => !PICTURE.test(match[0])),
  },
  {
    // ITU-T E.164: a plus sign and 8 to 15 digits, in groups; North American numbers also without (NANP: neither code begins with 0 or 1).
    kind: 'phone',
    group: 'phones',
    hints: [],
    pattern:
      /(?<![\w+.])(?:\+[1-9](?:[ .()-]{0,2}\d){7,14}(?!\d)|(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\d-]|[.,]\d))/g,
  },
];

/** "logo@2x.png" names a picture for sharp screens. */
const PICTURE = /@\d+x\.(?:png|jpe?g|gif|webp|avif|svg)$/i;

/** Bits per character from which gitleaks takes a value for a key. */
const MIN_KEY_ENTROPY = 3.5;

/** The value of an assignment, where it looks random. */
function randomValue(match: RegExpExecArray): readonly [number, number] | null {
  const value = match[2]!;
  return isRandom(value) ? [match[0].length - value.length, match[0].length] : null;
}

function isRandom(value: string): boolean {
  return /\d/.test(value) && /[A-Za-z]/.test(value) && entropyOf(value) >= MIN_KEY_ENTROPY;
}

/** Bits per character of a password: eight different characters have three. */
const MIN_PASSWORD_ENTROPY = 2.5;
/** What stands for a password or is none: a variable, a part of a template, something hidden, a path or an address. */
const PLACEHOLDER = /^[$%<{[~/.]|:\/\/|\$\{|\{\{|%\(|[*x•.]{4}|example|change|your|dummy|password|passwort|secret|1234/i;

/** The value given to a password, where it looks random: letters with digits among them, and not only at the end as of a word with a number. */
function passwordValue(match: RegExpExecArray): readonly [number, number] | null {
  const value = match[2]!;
  const isWord = /^\p{L}+[\d\W_]{0,5}$/u.test(value);
  if (isWord || PLACEHOLDER.test(value) || !/\d/.test(value) || !/\p{L}/u.test(value) || entropyOf(value) < MIN_PASSWORD_ENTROPY)
    return null;
  const end = match[0].length - 1; // before the closing quote
  return [end - value.length, end];
}

/** What of a match is an IBAN: a word in capitals may follow. */
function accountNumber(match: RegExpExecArray): readonly [number, number] | null {
  const end = endOfCharacters(match[0], ibanLength(match[0].replaceAll(' ', '')));
  return end > 0 && !/^[A-Z0-9]/.test(match[0].slice(end)) ? [0, end] : null;
}

/** Shannon entropy of a text's characters, in bits. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}

function isTokenHeader(part: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false; // not JSON: some other text in three parts
  }
}

/** Where the first `count` characters other than blanks end. */
function endOfCharacters(text: string, count: number): number {
  let end = 0;
  for (let seen = 0; seen < count; end++) if (text[end] !== ' ') seen++;
  return end;
}
