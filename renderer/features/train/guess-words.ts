import { words } from '../../../shared/words/words.ts';
import type { GuessReason } from './guess-roles.ts';

/** Why a dataset has the role that nobody chose, as a sentence. */
export function reasonWords(reason: GuessReason): string {
  switch (reason) {
    case 'learned':
      return words('train.guessLearned');
    case 'sample':
      return words('train.guessSample');
    case 'self-replay':
      return words('train.guessSelfReplay');
    case 'newest':
      return words('train.guessNewest');
    case 'only':
      return words('train.guessOnly');
  }
}
