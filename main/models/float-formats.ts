/** 16-bit floating point formats, to and from 32-bit floats. Little-endian, as the files are. */

/** bfloat16 is the upper half of a float32. */
export function bf16ToFloat32(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = aligned(bytes);
  const halves = new Uint16Array(buffer, byteOffset, length / 2);
  const values = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) values[index] = halves[index]! << 16;
  return new Float32Array(values.buffer);
}

/** Rounds to nearest, ties to even; NaN stays NaN. */
export function float32ToBf16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) {
    const word = bits[index]!;
    halves[index] = Number.isNaN(values[index]!) ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
}

/** IEEE half precision, by the engine's own Float16Array. */
export function f16ToFloat32(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = aligned(bytes);
  return new Float32Array(new Float16Array(buffer, byteOffset, length / 2));
}

export function float32ToF16(values: Float32Array): Uint8Array {
  return new Uint8Array(Float16Array.from(values).buffer);
}

/** The same bytes where a view of 16-bit elements can lie over them: a copy if they begin in the middle of one. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
}
