import { type ChangedItem, type SuiteChanges, suiteChangesRequestSchema, type SuiteChangesRequest } from '../../shared/contract/suites.ts';
import { askedItem } from '../../shared/domain/evaluation/asked-item.ts';
import { choiceFormOf } from '../../shared/domain/evaluation/choice-forms.ts';
import type { PartResult } from '../../shared/domain/evaluation/part.ts';
import { StrataError } from '../../shared/errors.ts';
import { findResult } from '../store/suites.ts';
import type { StoredModel } from '../store/models.ts';
import { readItemRows } from '../training/item-rows.ts';
import type { StudioContext } from './context.ts';
import { folderOfItems, pathOfItems } from './part-items.ts';
import { findPart, type Suites } from './suites.ts';

/** An item that two models answered, and by how much the second did better: 1 and -1 for questions, bits per byte for texts. */
interface AnsweredItem {
  line: number;
  better: number;
  answers: ChangedItem['answers'];
}

/** Which questions a model gained and lost against another, with what both answered. */
export class SuiteChangeList {
  readonly #context: StudioContext;
  readonly #suites: Suites;

  constructor(context: StudioContext, suites: Suites) {
    this.#context = context;
    this.#suites = suites;
  }

  /** @throws StrataError NOT_FOUND where the part has not been measured of both, or there is nothing to compare with. */
  async show(request: SuiteChangesRequest): Promise<SuiteChanges> {
    const { suite: reference, part: wanted, change, from, count, ...compared } = suiteChangesRequestSchema.parse(request);
    const suite = this.#suites.find(reference);
    const part = findPart(suite, wanted);
    const { model, baseline } = this.#suites.pair(compared.model, compared.baseline);
    if (baseline === null || baseline.id === model.id) {
      throw new StrataError('NOT_FOUND', `There is nothing to compare "${model.name}" with.`, {
        found: baseline === null ? 'its base is not in the workspace' : 'the model itself',
        allowed: 'another model as the baseline',
      });
    }
    const resultOf = ({ hash, name }: StoredModel): PartResult => {
      const result = findResult(this.#context.store, { part: part.hash, modelHash: hash });
      if (result) return result;
      throw new StrataError('NOT_FOUND', `"${part.name}" has not been measured of "${name}".`, { hint: 'Measure it first.' });
    };
    const answered = pairAnswers(resultOf(baseline), resultOf(model));
    const [gained, lost] = [answered.filter(({ better }) => better > 0), answered.filter(({ better }) => better < 0)];
    const chosen = (change === 'gained' ? gained : lost).toSorted((a, b) => Math.abs(b.better) - Math.abs(a.better) || a.line - b.line);

    const rows = new Map(
      (await readItemRows(pathOfItems(folderOfItems(this.#context), part.itemsHash))).map(({ row, line }) => [line, row]),
    );
    const { options } = part;
    // The form is that of the first item that was asked, as when it was scored.
    const form = options.kind === 'choices' ? (options.form ?? choiceFormOf(rows.get(answered[0]!.line)!)) : null;
    const items = chosen.slice(from, from + count).map(({ line, answers }) => {
      return { line, item: askedItem(rows.get(line)!, options, form, `line ${line}`), answers };
    });
    const named = ({ id, name }: StoredModel): { id: string; name: string } => ({ id, name });
    return {
      suite: { id: suite.id, name: suite.name },
      part: { hash: part.hash, name: part.name },
      model: named(model),
      baseline: named(baseline),
      gained: gained.length,
      lost: lost.length,
      items,
    };
  }
}

/** Items of one part, as two models answered them; results of one part are of the same items. */
function pairAnswers(baseline: PartResult, model: PartResult): AnsweredItem[] {
  if (baseline.kind === 'choices' && model.kind === 'choices') {
    return model.items.map(({ line, gold, choice }, index) => {
      const before = baseline.items[index]!.choice;
      const better = Number(choice === gold) - Number(before === gold);
      return { line, better, answers: { kind: 'choices', baseline: before, model: choice } };
    });
  }
  if (baseline.kind === 'exact-match' && model.kind === 'exact-match') {
    return model.items.map((item, index) => {
      const before = baseline.items[index]!;
      const written = ({ output, extracted }: typeof item): { output: string; extracted: string } => ({ output, extracted });
      const better = Number(item.isRight) - Number(before.isRight);
      return { line: item.line, better, answers: { kind: 'exact-match', baseline: written(before), model: written(item) } };
    });
  }
  if (baseline.kind === 'text' && model.kind === 'text') {
    return model.items.map((item, index) => {
      const bits = ({ loss, bytes }: typeof item): number => loss / Math.LN2 / bytes;
      const before = bits(baseline.items[index]!);
      return { line: item.line, better: before - bits(item), answers: { kind: 'text', baseline: before, model: bits(item) } };
    });
  }
  throw new StrataError('INTERNAL', 'Results of one part are of two kinds.', { found: `${baseline.kind} and ${model.kind}` });
}
