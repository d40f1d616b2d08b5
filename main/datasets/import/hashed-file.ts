import { createHash } from 'node:crypto';
import type { SourceFile } from '../source-file.ts';

/** A file that tells the sha256 of its bytes once it was read, and how many have been read. */
export interface HashedFile {
  file: SourceFile;
  /** The hash; what has not been read from beginning to end by then is read once more for it. */
  digest(): Promise<string>;
}

/** @param onBytes hears how many bytes were read by readers that take the file in order. */
export function hashedFile(source: SourceFile, onBytes: (bytes: number) => void): HashedFile {
  let digest: string | null = null;
  const open = async function* (): AsyncIterable<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of source.open()) {
      hash.update(chunk);
      onBytes(chunk.length);
      yield chunk;
    }
    digest = hash.digest('hex');
  };
  return {
    file: { path: source.path, name: source.name, bytes: source.bytes, open, onDisk: () => source.onDisk() },
    digest: async () => {
      if (digest !== null) return digest;
      const hash = createHash('sha256');
      for await (const chunk of source.open()) hash.update(chunk);
      return hash.digest('hex');
    },
  };
}
