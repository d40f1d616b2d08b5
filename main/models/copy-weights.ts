import type { Hash } from 'node:crypto';
import { constants, copyFile, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { elementsOf } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { countNotFinite } from './float-formats.ts';
import { isFloatDtype, openSafetensors, PIECE_BYTES, readRanges, type SafetensorsFile, type SafetensorsTensor } from './safetensors.ts';

/**
 * Copies a safetensors file; reads it once, and while a piece of it is written, hashes it and looks for weights that are no numbers. The
 * copy is flushed to the disk.
 * @throws StrataError CORRUPT for a file that is not complete or has weights that are infinite or not a number; CONFLICT for one that
 * changes meanwhile. What was written by then stays.
 */
export async function copyWeights(source: string, destination: string, hash: Hash): Promise<void> {
  // Where the disk can (APFS, Btrfs, XFS), the copy shares the original's room until one of them is changed.
  const isClone = await copyFile(source, destination, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  if (isClone) return examineWeights(destination, hash);
  const copy = await open(destination, 'w');
  try {
    await readWeights(source, hash, async (bytes) => {
      for (let done = 0; done < bytes.length;) done += (await copy.write(bytes, done)).bytesWritten;
    });
    await copy.sync();
  } finally {
    await copy.close();
  }
}

/** Reads a safetensors file as {@link copyWeights} does, without copying it. */
export async function examineWeights(path: string, hash: Hash): Promise<void> {
  await readWeights(path, hash, () => Promise.resolve());
}

async function readWeights(path: string, hash: Hash, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const file = await openSafetensors(path);
  try {
    const pieces = piecesOf(file);
    let index = 0;
    let ill = null as Ill | null; // TypeScript would take it for null inside the loop
    for await (const bytes of readRanges(file.fill, pieces)) {
      const writing = write(bytes);
      writing.catch(() => undefined); // thrown below
      const piece = pieces[index++]!;
      hash.update(bytes);
      for (const { name, tensor, begin, end } of piece.parts) {
        if (!isFloatDtype(tensor.dtype) || (ill && ill.name !== name)) continue;
        const count = countNotFinite(bytes.subarray(begin - piece.begin, end - piece.begin), tensor.dtype);
        if (count > 0) ill = { name, tensor, count: (ill?.count ?? 0) + count };
      }
      await writing;
      if (ill && ill.tensor.end <= piece.end) throw notFinite(path, ill);
    }
    await file.checkUnchanged();
  } finally {
    await file.close();
  }
}

/** A part of a file that is read at once, and the parts of tensors in it. */
interface Piece {
  begin: number;
  end: number;
  parts: { name: string; tensor: SafetensorsTensor; begin: number; end: number }[];
}

/** The whole file, header first, in pieces that cut no number in two: small tensors together, large ones in several. */
function piecesOf(file: SafetensorsFile): Piece[] {
  const tensors = [...file.tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  const dataStart = tensors[0]?.[1].begin ?? file.size;
  const pieces: Piece[] = [];
  for (let begin = 0; begin < dataStart; begin += PIECE_BYTES) {
    pieces.push({ begin, end: Math.min(begin + PIECE_BYTES, dataStart), parts: [] });
  }
  let last: Piece = { begin: dataStart, end: dataStart, parts: [] };
  for (const [name, tensor] of tensors) {
    for (let begin = tensor.begin; begin < tensor.end; begin += PIECE_BYTES) {
      const end = Math.min(begin + PIECE_BYTES, tensor.end);
      if (end - last.begin > PIECE_BYTES) {
        pieces.push(last);
        last = { begin, end: begin, parts: [] };
      }
      last.parts.push({ name, tensor, begin, end });
      last.end = end;
    }
  }
  return last.end > last.begin ? [...pieces, last] : pieces;
}

/** The first tensor of a file with numbers that are none, and how many it has. */
interface Ill {
  name: string;
  tensor: SafetensorsTensor;
  count: number;
}

function notFinite(path: string, { name, tensor, count }: Ill): StrataError {
  return new StrataError('CORRUPT', 'The model has weights that are infinite or not a number.', {
    found: `${count} of the ${elementsOf(tensor.shape)} numbers of ${name} in ${basename(path)}`,
    allowed: 'finite numbers',
    hint: 'Download the model again. If it was saved like this, its training went wrong: take an earlier version.',
  });
}
