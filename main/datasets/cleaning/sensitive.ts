import type { SensitiveKind } from '../../../shared/domain/cleaning.ts';
import { SENSITIVE_RULES, type SensitiveRule } from './sensitive-rules.ts';

/** A place of a text where something sensitive stands: [start, end) in UTF-16 code units. */
export interface SensitiveMatch {
  kind: SensitiveKind;
  start: number;
  end: number;
}

/** What of these groups stands in a text, in order and without overlaps: of two at one place the longer one. Time is linear in the text. */
export function findSensitive(text: string, groups: readonly SensitiveRule['group'][]): SensitiveMatch[] {
  const found: SensitiveMatch[] = [];
  for (const { kind, group, hints, pattern, verify } of SENSITIVE_RULES) {
    if (!groups.includes(group)) continue;
    if (hints.length > 0 && !hints.some((hint) => text.includes(hint))) continue;
    for (const match of text.matchAll(pattern)) {
      const range = verify ? verify(match) : ([0, match[0].length] as const);
      if (range !== null) found.push({ kind, start: match.index + range[0], end: match.index + range[1] });
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  let end = 0;
  return found.filter((match) => {
    if (match.start < end) return false;
    end = match.end;
    return true;
  });
}

/** The text with each match replaced by its kind: "write to [e-mail]". */
export function maskSensitive(text: string, matches: readonly SensitiveMatch[]): string {
  let masked = '';
  let position = 0;
  for (const { kind, start, end } of matches) {
    masked += `${text.slice(position, start)}[${kind}]`;
    position = end;
  }
  return masked + text.slice(position);
}

/** Characters of a match that a report shows, so that the report is no second leak. */
const SHOWN = 4;
const CONTEXT = 24;

/** A match for a report: the text around it, up to the next match, and of itself its first characters. */
export function excerptOf(text: string, matches: readonly SensitiveMatch[], index: number): string {
  const { start, end } = matches[index]!;
  const shown = Math.min(SHOWN, Math.floor((end - start) / 2));
  const before = text.slice(Math.max(matches[index - 1]?.end ?? 0, start - CONTEXT), start);
  const after = text.slice(end, Math.min(matches[index + 1]?.start ?? text.length, end + CONTEXT));
  return `${before}${text.slice(start, start + shown)}…${after}`.replace(/\s+/g, ' ').toWellFormed();
}
