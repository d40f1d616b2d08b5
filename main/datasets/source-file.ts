/** A file that a dataset is made of: one on the disk, or a member of an archive. */
export interface SourceFile {
  /** Where it lies, for people: of a member "corpus.zip/part/a.txt". */
  readonly path: string;
  /** Its own name without compression endings ("a.jsonl" of "a.jsonl.gz"), by whose ending the format is known. */
  readonly name: string;
  /** Bytes as they come from `open`; null where nobody knows before reading. */
  readonly bytes: number | null;
  /** Its bytes in order, unpacked. May be called again; whoever stops early closes what lies beneath. */
  open(): AsyncIterable<Uint8Array>;
  /** Its bytes as a file with random access; a member is unpacked into a temporary one, which `release` deletes. */
  onDisk(): Promise<{ path: string; release(): Promise<void> }>;
}
