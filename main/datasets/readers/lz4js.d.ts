/** The two functions of lz4js that are used. */
declare module 'lz4js' {
  /** So many bytes at most come out of a frame, by its headers; 0 for what is no frame. */
  export function decompressBound(frame: Uint8Array): number;
  export function decompress(frame: Uint8Array, maxBytes?: number): Uint8Array;
}
