/** Why a file could not be read, for the list of an import's results: a sentence for the user. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}
