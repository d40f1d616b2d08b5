import { open } from 'node:fs/promises';
import { COMPRESSIONS } from '../sources/compression.ts';
import { explain } from '../sources/explain.ts';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { type Format, FORMATS } from './formats.ts';

/** How files begin that are not text, so that one with a wrong name is told what it is. */
interface Signature {
  what: string;
  /** The ending under which it is read; null for what is not read. */
  ending: string | null;
  begins(start: Uint8Array): boolean;
}

const bytesAt =
  (text: string, offset = 0) =>
  (start: Uint8Array): boolean =>
    Buffer.from(start.buffer, start.byteOffset, start.length)
      .subarray(offset, offset + text.length)
      .equals(Buffer.from(text, 'latin1'));

const [gzip, zstandard] = COMPRESSIONS;

const SIGNATURES: readonly Signature[] = [
  { what: 'gzip data', ending: '.gz', begins: gzip!.begins },
  { what: 'Zstandard data', ending: '.zst', begins: zstandard!.begins },
  { what: 'bzip2 data', ending: '.bz2', begins: (start) => bytesAt('BZh')(start) && bytesAt('1AY&SY', 4)(start) },
  { what: 'a zip archive', ending: '.zip', begins: bytesAt('PK\x03\x04') },
  { what: 'a tar archive', ending: '.tar', begins: bytesAt('ustar', 257) },
  { what: 'a PDF file', ending: '.pdf', begins: bytesAt('%PDF-') },
  { what: 'a Parquet file', ending: '.parquet', begins: bytesAt('PAR1') },
  { what: 'an Arrow file', ending: '.arrow', begins: bytesAt('ARROW1') },
  { what: 'a Feather file of the first version', ending: null, begins: bytesAt('FEA1') },
  { what: 'a 7-Zip archive', ending: null, begins: bytesAt('7z\xbc\xaf\x27\x1c') },
  { what: 'a RAR archive', ending: null, begins: bytesAt('Rar!\x1a\x07') },
  { what: 'XZ data', ending: null, begins: bytesAt('\xfd7zXZ\0') },
  {
    what: 'an old Word or Excel file, or one with a password',
    ending: null,
    begins: bytesAt('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
  },
];

/** What a format's files begin with, where they all begin alike. */
const EXPECTED: Partial<Record<Format, string>> = {
  pdf: 'a PDF file',
  docx: 'a zip archive',
  epub: 'a zip archive',
  parquet: 'a Parquet file',
};

/** Enough for every signature. */
const START_BYTES = 512;

/** The same file, which refuses to be read when its bytes begin as another format does. */
export function withItsOwnBytes(file: SourceFile, format: Format): SourceFile {
  return {
    ...file,
    async *open() {
      let isFirst = true;
      for await (const chunk of file.open()) {
        if (isFirst) refuseMisnamed(chunk.subarray(0, START_BYTES), format, file.name);
        isFirst = false;
        yield chunk;
      }
    },
    async onDisk() {
      const held = await file.onDisk();
      try {
        refuseMisnamed(await startOf(held.path), format, file.name);
        return held;
      } catch (error) {
        await held.release();
        throw explain(error);
      }
    },
  };
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function refuseMisnamed(start: Uint8Array, format: Format, name: string): void {
  if (start.length === 0) throw new UnreadableFile('The file is empty.');
  const found = SIGNATURES.find(({ begins }) => begins(start));
  const expected = EXPECTED[format];
  if (found && found.what !== expected && !(format === 'arrow' && found.ending === '.arrow')) {
    const advice = found.ending ? `; name it ${found.ending}.` : ', which Strata does not read. Convert it to a format that it reads.';
    throw new UnreadableFile(`It is ${found.what}${advice}`);
  }
  // A PDF file may begin with a few bytes of something else.
  if (expected && !found && format !== 'pdf')
    throw new UnreadableFile(`It is named ${name.slice(name.lastIndexOf('.'))} but is not ${FORMATS[format].name}.`);
}
