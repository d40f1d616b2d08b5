import { StrataError } from '../../shared/errors.ts';
import { stripEnd } from '../../shared/domain/evaluation/python-text.ts';
import type { Continuation } from '../llama/continuations.ts';
import type { TextTokenizer } from '../models/tokenizer.ts';

/**
 * Texts become ids for scoring exactly as lm-evaluation-harness 0.4.13 makes them (TemplateLM._encode_pair, HFLM.tok_encode and
 * HFLM._loglikelihood_tokens), or its figures could not be compared with. Names of special tokens in a text are those tokens, as they are there.
 */
export class PairEncoder {
  readonly #tokenizer: TextTokenizer;
  readonly #contextLength: number;
  /** What an empty context becomes, and its name: a text that begins with it is not given another one. */
  readonly #prefix: { id: number; text: string } | null;

  constructor(tokenizer: TextTokenizer, contextLength: number) {
    this.#tokenizer = tokenizer;
    this.#contextLength = contextLength;
    const id = tokenizer.bosTokenId ?? tokenizer.eosTokenId;
    this.#prefix = id === null ? null : { id, text: tokenizer.specialToken(id) ?? tokenizer.decode([id]) };
  }

  /** Ids of a text with the special tokens that the tokenizer adds. */
  encode(text: string): number[] {
    const hasPrefix = this.#prefix !== null && text.startsWith(this.#prefix.text);
    return hasPrefix ? this.#plain(text) : this.#tokenizer.encode(text, { interpretSpecialTokens: true });
  }

  /**
   * What the model reads, and what is scored: both texts are encoded together, the continuation is what the context's own ids do not reach,
   * and what is longer than the model reads loses its beginning.
   * @param where for messages: "line 7".
   * @throws StrataError BAD_INPUT when more is to be scored than the model reads, or there is nothing to read.
   */
  pair(context: string, continuation: string, where: string): Continuation {
    const { before, after } = context === '' ? this.#withoutContext(continuation) : this.#together(context, continuation);
    if (before.length === 0 || after.length > this.#contextLength) {
      throw new StrataError('BAD_INPUT', `A choice of ${where} cannot be scored with this model.`, {
        found: `${JSON.stringify(continuation.slice(0, 80))}: ${after.length} tokens after ${before.length}`,
        allowed: `up to ${this.#contextLength} tokens after at least one`,
        hint: 'Leave the question out, or score a model with another tokenizer or a longer context.',
      });
    }
    const whole = [...before, ...after].slice(-(this.#contextLength + 1));
    return { inputs: Int32Array.from(whole.slice(0, -1)), targets: Int32Array.from(after) };
  }

  #together(context: string, continuation: string): { before: number[]; after: number[] } {
    const kept = stripEnd(context); // white space belongs to the word after it
    const before = this.encode(kept);
    const whole = this.encode(context + continuation);
    return { before, after: whole.slice(before.length) };
  }

  #withoutContext(continuation: string): { before: number[]; after: number[] } {
    const ids = this.#plain(continuation);
    if (this.#prefix !== null && ids[0] !== this.#prefix.id) return { before: [this.#prefix.id], after: ids };
    return { before: ids.slice(0, 1), after: ids.slice(1) };
  }

  #plain(text: string): number[] {
    return this.#tokenizer.encodeSpans(text, [], { interpretSpecialTokens: true }).ids;
  }
}
