import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BackgroundHash } from '../../main/models/background-hash.ts';

describe('a hash on a thread of its own', () => {
  it.each([0, 1, 4_194_304, 4_194_305, 40_000_001])('of %i bytes is the one of the same bytes here', async (length) => {
    const bytes = randomBytes(length);
    const hash = new BackgroundHash();
    await hash.update(bytes.subarray(0, length >> 1));
    await hash.update(bytes.subarray(length >> 1));
    expect(await hash.digest()).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('takes a copy, so that the bytes may be overwritten', async () => {
    const piece = new Uint8Array(1000);
    const hash = new BackgroundHash();
    for (let index = 0; index < 20; index++) await hash.update(piece.fill(index));
    const all = Uint8Array.from({ length: 20_000 }, (_, index) => Math.floor(index / 1000));
    expect(await hash.digest()).toBe(createHash('sha256').update(all).digest('hex'));
  });

  it('fails whoever waits when it was closed', async () => {
    const hash = new BackgroundHash();
    await hash.close();
    await expect(hash.update(new Uint8Array(100_000_000))).rejects.toThrow(/thread that hashes/);
    await expect(hash.digest()).rejects.toThrow(/thread that hashes/);
  });
});
