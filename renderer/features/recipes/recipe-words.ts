import type { Recipe } from '../../../shared/contract/recipes.ts';
import { locale, words } from '../../../shared/words/words.ts';

/** How recipes are said. */

export type RecipeKind = Recipe['kind'];

export function recipeWords(kind: RecipeKind): { label: string; meaning: string; start: string } {
  switch (kind) {
    case 'controls':
      return { label: words('recipes.controls'), meaning: words('recipes.controlsMeaning'), start: words('recipes.controlsStart') };
    case 'sweep':
      return { label: words('recipes.sweep'), meaning: words('recipes.sweepMeaning'), start: words('recipes.sweepStart') };
    case 'forecast':
      return { label: words('recipes.forecast'), meaning: words('recipes.forecastMeaning'), start: words('recipes.forecastStart') };
  }
}

/** A replay share as a person types it; up to two digits, as the mixture has it. */
export function asPercent(share: number): string {
  return `${(share * 100).toLocaleString(locale().numbers, { maximumFractionDigits: 2, useGrouping: false })} %`;
}

/** Numbers typed one by one; null when one of them is none. */
export function numbersOf(texts: readonly string[]): number[] | null {
  const numbers = texts.map((text) => (text.trim() === '' ? NaN : Number(text.replace('%', '').replace(',', '.'))));
  return numbers.every(Number.isFinite) ? numbers : null;
}
