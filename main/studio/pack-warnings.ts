import { type PackStrength, packsOf } from '../../shared/domain/pack.ts';
import { words } from '../../shared/words/words.ts';
import type { StoredModel } from '../store/models.ts';

/** Packs of a model that were chosen for a composition. */
export interface ChosenSource {
  model: StoredModel;
  packs: PackStrength[];
}

/**
 * What a composition does to its packs that training did not: a pack whose input is another than it learned with does something else than it was
 * measured to do. Nothing but a measurement tells how much.
 */
export function compositionWarnings(base: StoredModel, sources: readonly ChosenSource[]): string[] {
  const all = sources.flatMap(({ packs }) => packs);
  const warnings = sources.flatMap(({ model, packs }) => {
    const known = packsOf(model.line);
    return packs.flatMap(({ pack: number, strength }) => {
      const pack = known.find((each) => each.number === number)!;
      const title = { number: String(number), model: model.name };
      const others = all.length - packs.length;
      const learnedWith = known.filter((each) => each.number < number && each.step < pack.step && isAbove(model, base, each.step));
      const missing = learnedWith.filter((each) => packs.find((other) => other.pack === each.number)?.strength !== 1);
      return [
        ...missing.map((each) => {
          const below = { ...title, other: String(each.number) };
          return packs.some((other) => other.pack === each.number) ? words('said.packWeaker', below) : words('said.packNot', below);
        }),
        ...(others > 0 ? [words('said.packAlone', { ...title, count: others })] : []),
        ...(strength < 1 ? [words('said.packStrength', { ...title, strength: String(strength) })] : []),
      ];
    });
  });
  return warnings.length > 0 ? [...warnings, words('said.packMeasure')] : [];
}

/** Whether a step comes after the model that the packs are put on. */
function isAbove({ line }: StoredModel, base: StoredModel, step: number): boolean {
  return step >= line.findIndex((each) => each.base.hash === base.hash);
}
