import { StrataError } from '../../shared/errors.ts';

/** What the documents of a dataset add to its figures: scored tokens, losses in nats and, where there was a base, drifts from it. */
export interface DocumentColumns {
  tokens: Float64Array;
  losses: Float64Array;
  drifts: Float64Array | null;
}

/** As they lie in the database: how many columns there are (2, or 3 with drifts), then column after column, all as float64, little-endian. */
export function encodeDocumentSums(columns: {
  tokens: ArrayLike<number>;
  losses: ArrayLike<number>;
  drifts: ArrayLike<number> | null;
}): Buffer {
  const present = [columns.tokens, columns.losses, ...(columns.drifts ? [columns.drifts] : [])];
  const { length } = columns.tokens;
  const bytes = Buffer.alloc(8 + present.length * length * 8);
  bytes.writeDoubleLE(present.length, 0);
  for (const [column, values] of present.entries()) {
    for (let index = 0; index < length; index++) bytes.writeDoubleLE(values[index]!, 8 + (column * length + index) * 8);
  }
  return bytes;
}

/** @throws StrataError CORRUPT for what {@link encodeDocumentSums} does not write. */
export function decodeDocumentSums(bytes: Buffer): DocumentColumns {
  const columns = bytes.length < 8 ? 0 : bytes.readDoubleLE(0);
  const length = (bytes.length - 8) / 8 / columns;
  if ((columns !== 2 && columns !== 3) || !Number.isInteger(length)) {
    throw new StrataError('CORRUPT', 'What documents add to a measurement cannot be read from the database.', {
      found: `${bytes.length} bytes for ${columns} columns`,
      allowed: '2 or 3 columns of equal length',
    });
  }
  const column = (index: number): Float64Array =>
    Float64Array.from({ length }, (_, place) => bytes.readDoubleLE(8 + (index * length + place) * 8));
  return { tokens: column(0), losses: column(1), drifts: columns === 3 ? column(2) : null };
}
