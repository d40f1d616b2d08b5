import { words } from '../words/words.ts';

/**
 * Self-replay: text sampled from the base itself stands in for old data that nobody has (as in Shin et al. 2017, arXiv 1705.08690, and Sun et
 * al. 2020, arXiv 1909.03329). It is labelled wherever it is shown: it says what the model writes, not what it was trained on.
 */
export const SELF_REPLAY_DEFAULTS = { tokens: 100_000, temperature: 1, seed: 1 };

/** How its results are labelled. */
export function selfReplayLabel(): string {
  return words('domain.selfReplay');
}

const PREFIX = 'self-replay of ';

/** Where such a dataset says that it came from. */
export function selfReplaySource(model: string, tokens: number, temperature: number, seed: number): string {
  return `${PREFIX}${model}, not real old data: ${tokens.toLocaleString('en-US')} tokens, temperature ${temperature}, seed ${seed}`;
}

/** Whether a dataset is one, by its source. */
export function isSelfReplay(source: string): boolean {
  return source.startsWith(PREFIX);
}
