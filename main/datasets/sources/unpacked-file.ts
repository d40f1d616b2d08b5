import type { SourceFile } from '../source-file.ts';
import { type Compression, compressionOf, unpack } from './compression.ts';
import { type SourceOptions, UNPACKING_LIMITS } from './limits.ts';
import { temporaryCopy } from './temporary-copy.ts';

/** Short endings of packed tar archives. */
const SHORT_ENDINGS: readonly [RegExp, string][] = [
  [/\.tgz$/i, '.tar.gz'],
  [/\.tzst$/i, '.tar.zst'],
  [/\.tbz2?$/i, '.tar.bz2'],
];

/** A name with short endings written out: "a.tgz" is "a.tar.gz". */
function writtenOut(name: string): string {
  return SHORT_ENDINGS.reduce((long, [short, endings]) => long.replace(short, endings), name);
}

/** The name without compression endings: "a.jsonl" of "a.jsonl.gz", "a.tar" of "a.tgz". */
export function nameUnpacked(name: string): string {
  const long = writtenOut(name);
  const compression = compressionOf(long);
  return compression ? nameUnpacked(long.slice(0, -compression.ending.length)) : long;
}

/** The file as it is without the compressions that its name tells; itself where there are none. */
export function unpackedFile(file: SourceFile, options: SourceOptions = {}): SourceFile {
  const long = writtenOut(file.name);
  const compression = compressionOf(long);
  if (!compression) return file;
  return unpackedFile(layerTakenOff(file, long.slice(0, -compression.ending.length), compression, options), options);
}

function layerTakenOff(file: SourceFile, name: string, compression: Compression, options: SourceOptions): SourceFile {
  const open = (): AsyncIterable<Uint8Array> => unpack(file.open(), compression, options.limits ?? UNPACKING_LIMITS);
  return { path: file.path, name, bytes: null, open, onDisk: () => temporaryCopy(open(), options.temporaryFolder) };
}
