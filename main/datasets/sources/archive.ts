import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { archiveOf } from './archive-kind.ts';
import { explain } from './explain.ts';
import type { Found } from './found.ts';
import { reasonForFile, reasonForFolder } from './left-out.ts';
import { MAX_ARCHIVE_DEPTH, type SourceOptions } from './limits.ts';
import { membersOfTar } from './tar-archive.ts';
import { unpackedFile } from './unpacked-file.ts';
import { membersOfZip } from './zip-archive.ts';

/**
 * The file itself, unpacked, or the members of the archive that it is; archives within it, too. An archive that breaks off gives what came
 * before and one more entry that says so.
 * @param depth how many archives it lies in.
 */
export async function* filesIn(packed: SourceFile, options: SourceOptions = {}, depth = 0): AsyncIterable<Found> {
  const file = unpackedFile(packed, options);
  const kind = archiveOf(file.name);
  if (kind === null) {
    yield { kind: 'file', path: file.path, file };
    return;
  }
  if (depth >= MAX_ARCHIVE_DEPTH) {
    const reason = `It is an archive within ${MAX_ARCHIVE_DEPTH} others, the most that is gone through. Unpack one and import what is in it.`;
    yield { kind: 'failed', path: file.path, reason };
    return;
  }
  let members = 0;
  try {
    for await (const found of kind === 'zip' ? membersOfZip(file, options) : membersOfTar(file, options)) {
      members++;
      if (found.kind !== 'file') yield found;
      else yield* chosenOf(file.path, found.file, options, depth);
    }
    if (members === 0) yield { kind: 'skipped', path: file.path, reason: 'There is no file in the archive.' };
  } catch (error) {
    const explained = explain(error);
    if (!(explained instanceof UnreadableFile)) throw explained;
    const before = members === 0 ? '' : ` Before that ${members === 1 ? 'one file was' : `${members} files were`} found in it.`;
    yield { kind: 'failed', path: file.path, reason: explained.message + before };
  }
}

/** A member where it is to be read. An archive does not tell beforehand what lies in it, so only names decide. */
async function* chosenOf(archivePath: string, member: SourceFile, options: SourceOptions, depth: number): AsyncIterable<Found> {
  const parts = member.path.slice(archivePath.length + 1).split('/');
  const isVendored = parts.slice(0, -1).some((part) => reasonForFolder(part, false) !== null);
  const reason = isVendored
    ? 'It is in a folder of packages of others. Unpack the archive and choose the folder itself to import it.'
    : reasonForFile(member.name, { hasData: true, isInSource: false });
  if (reason) yield { kind: 'skipped', path: member.path, reason };
  else yield* filesIn(member, options, depth + 1);
}
