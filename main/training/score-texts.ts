import { RowFields } from '../../shared/domain/evaluation/row-fields.ts';
import type { TextResult } from '../../shared/domain/evaluation/part.ts';
import { StrataError } from '../../shared/errors.ts';
import { measureLoss } from './evaluation.ts';
import type { NumberedRow } from './item-rows.ts';
import type { ScoredModel } from './scored-model.ts';
import { evaluationWindows } from './windows.ts';

/**
 * The loss of texts, each cut into windows of its own as `strata eval` cuts a file; those of fewer than two tokens have none and are left out.
 * @throws StrataError BAD_INPUT for a row without a text, a context that the model does not have, or too little text; ENGINE when a loss is
 * not finite.
 */
export async function scoreTexts(
  { engine, model, tokenizer }: ScoredModel,
  rows: readonly NumberedRow[],
  context: number | null,
  onDone: (done: number, of: number) => Promise<void>,
): Promise<TextResult[]> {
  const most = model.config.contextLength;
  if ((context ?? most) > most) {
    throw new StrataError('BAD_INPUT', 'The context is longer than the model was made for.', {
      found: `${context} tokens`,
      allowed: `2 to ${most} tokens`,
    });
  }
  const results: TextResult[] = [];
  for (const [index, { row, line }] of rows.entries()) {
    const text = new RowFields(row, `line ${line}`).text('text');
    const windows = evaluationWindows(Int32Array.from(tokenizer.encode(text)), context ?? most);
    if (windows.length > 0) {
      const { loss, tokens } = await measureLoss(engine, model, windows);
      if (!Number.isFinite(loss)) {
        throw new StrataError('ENGINE', 'The loss of a text could not be measured.', {
          found: `a loss of ${loss} at line ${line}`,
          hint: 'The model may hold infinite or undefined weights.',
        });
      }
      results.push({ line, tokens, bytes: Buffer.byteLength(text), loss: loss * tokens });
    }
    await onDone(index + 1, rows.length);
  }
  if (results.length > 0) return results;
  throw new StrataError('BAD_INPUT', 'There is too little text to measure.', {
    found: `${rows.length} texts of fewer than two tokens`,
    allowed: 'at least two tokens',
  });
}
