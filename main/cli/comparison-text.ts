import type { Explanation } from '../../shared/contract/text.ts';
import { change, table } from './format.ts';

/** Two voices side by side, token by token: what each thinks of the text, and which inserted block moved it most. */
export function describeExplanation({ tokens, voices }: Explanation, names: readonly string[]): string {
  const rows = tokens.flatMap(({ text, views, difference, isPrompt }) => {
    if (!views) return [];
    const [a, b] = views;
    return [
      [
        JSON.stringify(text),
        isPrompt ? 'prompt' : 'answer',
        ...views.map(({ logProbability }) => share(logProbability)),
        change(difference),
        ...[a, b].map((view) => (view?.top[0] ? `${JSON.stringify(view.top[0].text)} ${share(view.top[0].logProbability)}` : '-')),
        mostMoved(voices, views),
      ],
    ];
  });
  const headings = ['token', 'in', ...names, 'difference', `${names[0]} would say`, `${names[1]} would say`, 'moved most by'];
  return table(headings, rows);
}

function share(logProbability: number): string {
  return `${(100 * Math.exp(logProbability)).toFixed(1)} %`;
}

/** The block of either voice that changed the token's log-probability most. */
function mostMoved(voices: Explanation['voices'], views: NonNullable<Explanation['tokens'][number]['views']>): string {
  const moves = views.flatMap(({ blocks }, voice) => blocks.map((value, index) => ({ block: voices[voice]!.blocks[index]!, value })));
  const [largest] = moves.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return largest ? `block ${largest.block}: ${change(largest.value)}` : '-';
}
