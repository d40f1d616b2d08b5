import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { StrataError } from '../../shared/errors.ts';
import type { TextTokenizer } from '../models/tokenizer.ts';

/** Between a text and the ids that a model goes on from, and back. */

/**
 * Ids of a text that a model can go on from.
 * @throws StrataError BAD_INPUT when it is empty and the model has no start token, or it is longer than the context.
 */
export function promptIdsOf(tokenizer: TextTokenizer, { contextLength }: Pick<LlamaConfig, 'contextLength'>, text: string): number[] {
  let ids = tokenizer.encode(text);
  if (ids.length === 0) {
    if (tokenizer.bosTokenId === null) {
      throw new StrataError('BAD_INPUT', 'The prompt is empty, and this model has no token to start from.', {
        hint: 'Give a prompt of at least one character.',
      });
    }
    ids = [tokenizer.bosTokenId];
  }
  if (ids.length > contextLength) {
    throw new StrataError('BAD_INPUT', 'The prompt is longer than the model can read.', {
      found: `${ids.length} tokens`,
      allowed: `${contextLength} tokens`,
    });
  }
  return ids;
}

/** The text of ids that follow a prompt's. A tokenizer may strip the space that starts a text: what follows the prompt's own text. */
export function continuationText(tokenizer: TextTokenizer, promptIds: readonly number[], ids: readonly number[]): string {
  return tokenizer.decode([...promptIds, ...ids]).slice(tokenizer.decode([...promptIds]).length);
}

/** What ends a text: the tokenizer's end token, where it has one. */
export function stopIdsOf({ eosTokenId }: TextTokenizer): number[] {
  return eosTokenId === null ? [] : [eosTokenId];
}
