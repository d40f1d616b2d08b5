import { choiceFormOf, choiceItem } from '../../shared/domain/evaluation/choice-forms.ts';
import type { ChoiceForm } from '../../shared/domain/evaluation/choice-item.ts';
import { type ChoiceResult, choiceResult } from '../../shared/domain/evaluation/choice-result.ts';
import { StrataError } from '../../shared/errors.ts';
import { scoreContinuations } from '../llama/continuations.ts';
import type { NumberedRow } from './item-rows.ts';
import type { ScoredModel } from './scored-model.ts';

/**
 * Multiple choice by log-likelihood, item by item.
 * @param form null: that of the first row.
 * @param onDone told how many of how many choices are done.
 * @throws StrataError BAD_INPUT for a row that cannot be read or scored; ENGINE when a likelihood is not finite.
 */
export async function scoreChoices(
  { engine, model, encoder }: ScoredModel,
  rows: readonly NumberedRow[],
  form: ChoiceForm | null,
  onDone: (done: number, of: number) => Promise<void>,
): Promise<ChoiceResult[]> {
  const chosen = form ?? choiceFormOf(rows[0]!.row);
  const items = rows.map(({ row, line }) => choiceItem(row, chosen, `line ${line}`));
  const requests = items.flatMap(({ choices }, index) =>
    choices.map(({ context, continuation }) => encoder.pair(context, continuation, `line ${rows[index]!.line}`)),
  );
  const scores = await scoreContinuations(engine, model, requests, (done) => onDone(done, requests.length));
  let next = 0;
  return items.map((item, index) => {
    const own = item.choices.map(() => ({ ...scores[next]!, tokens: requests[next++]!.targets.length }));
    const { line } = rows[index]!;
    if (own.some(({ logLikelihood }) => !Number.isFinite(logLikelihood))) {
      throw new StrataError('ENGINE', 'Choices could not be scored.', {
        found: `a log-likelihood of ${own.map(({ logLikelihood }) => logLikelihood).join(', ')} at line ${line}`,
        hint: 'The model may hold infinite or undefined weights.',
      });
    }
    return choiceResult(item, own, line);
  });
}
