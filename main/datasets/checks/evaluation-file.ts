import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { StrataError } from '../../../shared/errors.ts';
import { READABLE } from '../readers/formats.ts';
import { contentsOf } from '../shapes/read-contents.ts';
import { filesIn } from '../sources/archive.ts';
import { diskFile } from '../sources/disk-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';

/** Evaluation sets are small; what is larger is a corpus, and belongs into a dataset. */
const MAX_CHARACTERS = 256 * 1024 * 1024;

/**
 * What the documents of a file say that is no dataset: an evaluation set. Of an archive those of all its files.
 * @throws StrataError BAD_INPUT when it cannot be read, or is larger than any evaluation set.
 */
export async function textsOfFile(path: string): Promise<string[]> {
  const texts: string[] = [];
  let characters = 0;
  try {
    for await (const found of filesIn(diskFile(path, (await stat(path)).size), {})) {
      if (found.kind !== 'file') throw new UnreadableFile(`${basename(found.path)}: ${found.reason}`);
      for await (const { content } of contentsOf(found.file)) {
        const text = plainTextOf(content);
        characters += text.length;
        if (characters > MAX_CHARACTERS) throw new UnreadableFile(`It has more than ${MAX_CHARACTERS} characters: import it as a dataset.`);
        texts.push(text);
      }
    }
    return texts;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new StrataError('BAD_INPUT', 'An evaluation file cannot be read.', {
      found: `${path}: ${error.message}`,
      allowed: READABLE,
      hint: 'Mend or convert it, or check without it.',
      cause: error,
    });
  }
}
