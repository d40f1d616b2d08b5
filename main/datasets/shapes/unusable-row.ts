/** Why a row could not become a document: a sentence for the user, with the row's place, what was found there and what is allowed. */
export class UnusableRow extends Error {
  override readonly name = 'UnusableRow';
}
