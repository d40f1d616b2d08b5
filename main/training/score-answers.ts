import { answerItem, promptOf, STOPS, upToStop } from '../../shared/domain/evaluation/answer-item.ts';
import { boxed, type Extracted, gsm8kFlexible, gsm8kStrict, ownAnswer } from '../../shared/domain/evaluation/extraction.ts';
import { type AnswerResult, answerTokens, type PartOptions } from '../../shared/domain/evaluation/part.ts';
import { StrataError } from '../../shared/errors.ts';
import { generate } from '../llama/generate.ts';
import { drawItems, type NumberedRow } from './item-rows.ts';
import type { ScoredModel } from './scored-model.ts';

export type AnswerOptions = Extract<PartOptions, { kind: 'exact-match' }>;

/**
 * Lets a model answer questions in words, greedily, as lm-evaluation-harness does (HFLM.generate_until): a prompt that leaves no room for the
 * answer loses its beginning, and the answer ends at a stop, at the end token, or after so many tokens.
 * @param examples rows that examples are taken from; null takes the first of the questions, which are then not asked.
 * @throws StrataError BAD_INPUT for a row that cannot be read, too few examples, or a model that has no room for an answer.
 */
export async function scoreAnswers(
  { engine, model, tokenizer, encoder }: ScoredModel,
  rows: readonly NumberedRow[],
  examples: readonly NumberedRow[] | null,
  options: AnswerOptions,
  onDone: (done: number, of: number) => Promise<void>,
): Promise<AnswerResult[]> {
  const { extraction } = options;
  const maxTokens = answerTokens(options, model.config.contextLength);
  const room = model.config.contextLength - maxTokens;
  if (room < 1) {
    throw new StrataError('BAD_INPUT', 'Answers as long as this leave the model no room for a question.', {
      found: `${maxTokens} tokens for an answer`,
      allowed: `fewer than ${model.config.contextLength}, which is what the model reads`,
    });
  }
  const { shown, asked } = splitExamples(rows, examples, options);
  const stops = [...(options.stops ?? STOPS[extraction]), ...endTextOf(tokenizer)];
  const results: AnswerResult[] = [];
  for (const { row, line } of asked) {
    const { question, answer } = answerItem(row, extraction, `line ${line}`);
    const ids = encoder.encode(promptOf(question, shown, extraction));
    const read = ids.slice(-room);
    if (read.length === 0) throw new StrataError('BAD_INPUT', `The prompt of line ${line} is empty.`, { allowed: 'at least one token' });
    const written = await generate(engine, model, read, {
      maxTokens,
      temperature: 0,
      seed: 0,
      stopIds: tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId],
      isFinished: (produced) => stops.some((stop) => tokenizer.decode(produced).includes(stop)),
    });
    const output = upToStop(tokenizer.decode(written), stops);
    results.push({ line, output, ...judge(output, answer, options), leftOut: ids.length - read.length });
    await onDone(results.length, asked.length);
  }
  return results;
}

function splitExamples(
  rows: readonly NumberedRow[],
  examples: readonly NumberedRow[] | null,
  { shots, extraction, limit, seed }: AnswerOptions,
): { shown: ReturnType<typeof answerItem>[]; asked: NumberedRow[] } {
  const source = examples ?? rows;
  const questions = examples === null ? rows.slice(shots) : rows;
  if (source.length < shots || questions.length === 0) {
    throw new StrataError('BAD_INPUT', 'There are too few items for so many examples.', {
      found: `${source.length} items, ${shots} examples`,
      allowed: examples === null ? `up to ${rows.length - 1} examples, so that a question is left` : `up to ${source.length} examples`,
      hint: 'Ask for fewer, or take the examples from a larger file.',
    });
  }
  return {
    shown: source.slice(0, shots).map(({ row, line }) => answerItem(row, extraction, `line ${line}`)),
    asked: drawItems(questions, limit, seed),
  };
}

/** The end token's text ends an answer too, where a model writes it in letters. */
function endTextOf({ eosTokenId, specialToken }: ScoredModel['tokenizer']): string[] {
  const text = eosTokenId === null ? null : specialToken(eosTokenId);
  return text === null ? [] : [text];
}

function judge(output: string, answer: string, { extraction, match }: AnswerOptions): Extracted & Pick<AnswerResult, 'flexible'> {
  if (extraction === 'gsm8k') return { ...gsm8kStrict(output, answer), flexible: gsm8kFlexible(output, answer) };
  return { ...(extraction === 'boxed' ? boxed(output, answer) : ownAnswer(output, answer, match)), flexible: null };
}
