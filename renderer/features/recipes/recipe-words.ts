import type { Recipe } from '../../../shared/contract/recipes.ts';

/** How recipes are said. */

export type RecipeKind = Recipe['kind'];

export const RECIPE_WORDS: Record<RecipeKind, { label: string; meaning: string; start: string }> = {
  controls: {
    label: 'Controls',
    meaning: 'LoRA, full training and the base’s own blocks on the same tokens, with and without replay: is the expansion worth it?',
    start: 'Train the controls',
  },
  sweep: {
    label: 'Sweep',
    meaning: 'Several replay shares, numbers of blocks, places and learning rates; hopeless runs are ended early.',
    start: 'Start the sweep',
  },
  forecast: {
    label: 'Forecast',
    meaning: 'Four short pilots predict gain and forgetting at every replay share, before the long run.',
    start: 'Train the pilots',
  },
};

/** A replay share as a person types it; up to two digits, as the mixture has it. */
export function asPercent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

/** Numbers typed one by one; null when one of them is none. */
export function numbersOf(texts: readonly string[]): number[] | null {
  const numbers = texts.map((text) => (text.trim() === '' ? NaN : Number(text.replace('%', '').replace(',', '.'))));
  return numbers.every(Number.isFinite) ? numbers : null;
}
