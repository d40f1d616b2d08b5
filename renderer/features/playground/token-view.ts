import type { Explanation, TokenView } from '../../../shared/contract/text.ts';
import { words } from '../../../shared/words/words.ts';
import { fixed } from '../../ui/format.ts';
import type { Answer } from './voice.svelte.ts';

/** A token as it is drawn. */
export interface ShownToken {
  text: string;
  /** As a screen shows it: what cannot be seen has a sign. */
  shown: string;
  probability: number;
  /** Log-probability under this voice, minus that under the other; null while it is not compared. */
  difference: number | null;
  /** What the other voice, if there is one, and this one think of it. */
  views: readonly TokenView[] | null;
}

/** The tokens of an answer, with what the comparison says of each. */
export function shownTokens(answer: Answer, explanation: Explanation | null): ShownToken[] {
  const compared = explanation?.tokens.filter(({ isPrompt }) => !isPrompt) ?? [];
  return answer.tokens.map(({ text, probability }, index) => {
    const { views = null, difference = null } = compared[index] ?? {};
    return { text, shown: visible(text), probability, difference, views };
  });
}

/** Text with signs for what has no shape of its own. */
export function visible(text: string): string {
  if (text === '') return '·';
  return text.replaceAll('\n', '↵\n').replaceAll('\t', '⇥\t');
}

/** Differences of so many nats and more have the full colour: a factor of about 20. */
const FULL_NATS = 3;
/** Smaller ones have none. */
const LEAST_NATS = 0.05;

/** How strongly a token is coloured, from -1 (far less likely here) to 1 (far likelier here). */
export function toneOf(difference: number | null): number {
  if (difference === null || Math.abs(difference) < LEAST_NATS) return 0;
  return Math.max(-1, Math.min(1, difference / FULL_NATS));
}

/** The background of a tone; the text on it stays readable in both themes. */
export function toneColour(tone: number): string {
  if (tone === 0) return 'transparent';
  const share = Math.round(12 + 38 * Math.abs(tone));
  return `color-mix(in srgb, var(${tone > 0 ? '--chart-new' : '--chart-old'}) ${share}%, transparent)`;
}

export function percentOf(probability: number): string {
  const percent = 100 * probability;
  return percent > 0 && percent < 0.05 ? words('playground.underTenth') : `${fixed(percent, 1)} %`;
}

/** For a title: the numbers behind a colour. */
export function tokenTitle({ text, probability, views }: ShownToken, otherTitle: string | null): string {
  const said = { token: JSON.stringify(text), share: percentOf(probability) };
  if (!views || otherTitle === null) return words('playground.here', said);
  return words('playground.hereAndThere', { ...said, otherShare: percentOf(Math.exp(views[0]!.logProbability)), other: otherTitle });
}
