/** What unpacking may cost. Generous for real text, far below what a file made to fill a disk needs. */
export interface UnpackingLimits {
  /** So many bytes may come out of one byte; Deflate's own limit is 1,032, which only endless repetition reaches. */
  ratio: number;
  /** The ratio is looked at only beyond so many bytes: a short file of blanks is no danger. */
  ratioFromBytes: number;
  /** So much may come out of one file or archive altogether. */
  totalBytes: number;
}

export const UNPACKING_LIMITS: UnpackingLimits = { ratio: 1000, ratioFromBytes: 10_000_000, totalBytes: 256 * 1024 ** 3 };

/** Folders within folders beyond this are a mistake of a program; a system's longest path ends not far behind. */
export const MAX_FOLDER_DEPTH = 100;

/** An archive within an archive is read, one within that is not. */
export const MAX_ARCHIVE_DEPTH = 2;

export interface SourceOptions {
  limits?: UnpackingLimits;
  maxFolderDepth?: number;
  /** Where members that need random access are unpacked for a while. */
  temporaryFolder?: string;
  /** Archives are given as the files that they are, unopened. */
  keepsArchives?: boolean;
  /** Hears of each file of the disk that is come to, with its size, and of the bytes read of it, packed as they lie there. */
  onDiskFile?: (path: string, bytes: number) => void;
  onDiskBytes?: (bytes: number) => void;
}
