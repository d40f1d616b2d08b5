import type { Hash } from 'node:crypto';
import { chmod, constants, copyFile, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { elementsOf } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { countNotFinite } from './float-formats.ts';
import { isFloatDtype, openSafetensors, PIECE_BYTES, readRanges, type SafetensorsFile, type SafetensorsTensor } from './safetensors.ts';

/**
 * Copies a safetensors file, and while the system copies, reads it once: hashes it and looks for weights that are no numbers. Where the disk
 * can (APFS, Btrfs, XFS), the copy shares the original's room until one of them is changed. The copy is flushed to the disk.
 * @throws StrataError CORRUPT for a file that is not complete or has weights that are infinite or not a number; CONFLICT for one that
 * changes meanwhile. What was written by then stays.
 */
export async function copyWeights(source: string, destination: string, hash: Hash): Promise<void> {
  const file = await openSafetensors(source);
  try {
    const ends = await Promise.allSettled([readWeights(file, source, hash), copyFile(source, destination, constants.COPYFILE_FICLONE)]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    await file.checkUnchanged();
  } finally {
    await file.close();
  }
  await chmod(destination, 0o644); // the original may be for reading only
  const copy = await open(destination, 'r+');
  await copy.sync().finally(() => copy.close());
}

/** Reads a safetensors file as {@link copyWeights} does, without copying it. */
export async function examineWeights(path: string, hash: Hash): Promise<void> {
  const file = await openSafetensors(path);
  try {
    await readWeights(file, path, hash);
  } finally {
    await file.close();
  }
}

async function readWeights(file: SafetensorsFile, path: string, hash: Hash): Promise<void> {
  const pieces = piecesOf(file);
  let index = 0;
  let ill = null as Ill | null; // TypeScript would take it for null inside the loop
  for await (const bytes of readRanges(file.fill, pieces)) {
    const piece = pieces[index++]!;
    hash.update(bytes);
    for (const { name, tensor, begin, end } of piece.parts) {
      if (!isFloatDtype(tensor.dtype) || (ill && ill.name !== name)) continue;
      const count = countNotFinite(bytes.subarray(begin - piece.begin, end - piece.begin), tensor.dtype);
      if (count > 0) ill = { name, tensor, count: (ill?.count ?? 0) + count };
    }
    if (ill && ill.tensor.end <= piece.end) throw notFinite(path, ill);
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
