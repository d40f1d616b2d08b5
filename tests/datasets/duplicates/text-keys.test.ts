import { describe, expect, it } from 'vitest';
import { textKeyOf, TextKeys } from '../../../main/datasets/duplicates/text-keys.ts';
import { randomStream } from '../../../shared/domain/random.ts';

describe('keys of texts', () => {
  it('are the same for the same text, and for no other', () => {
    expect(textKeyOf('é b')).toEqual(textKeyOf(['é', 'b'].join(' ')));
    for (const other of ['é B', 'éb', 'é b.', 'é b ', '']) expect(textKeyOf(other)).not.toEqual(textKeyOf('é b'));
    expect(textKeyOf('\ud83d')).toHaveLength(4);
  });
});

describe('table of keys', () => {
  it('answers as a Map does, over random insertions and deletions, with crowded places', () => {
    const random = randomStream(2);
    const table = new TextKeys();
    const map = new Map<string, number>();
    for (let round = 0; round < 20_000; round++) {
      // Few different first numbers: many keys want the same place, and the last ones of the table run over its end.
      const key = Uint32Array.of(0xffffffff - Math.floor(random() * 40), Math.floor(random() * 10), 3, 4);
      const name = key.join();
      let isSame: boolean;
      if (random() < 0.3) isSame = table.delete(key) === map.delete(name);
      else {
        const first = map.get(name) ?? round;
        map.set(name, first);
        isSame = table.firstWith(key, round) === first;
      }
      // A call of expect for each of them would take most of the time.
      if (!isSame || table.size !== map.size) expect.fail(`round ${round}, key ${name}`);
    }
    for (const [name, first] of map) expect(table.firstWith(Uint32Array.from(name.split(',').map(Number)), 0)).toBe(first);
  });

  it('grows to many keys', () => {
    const table = new TextKeys();
    const key = (index: number): Uint32Array => Uint32Array.of(Math.imul(index, 0x9e3779b1), index, 0, 0);
    for (let index = 0; index < 50_000; index++) table.firstWith(key(index), index);
    for (let index = 0; index < 50_000; index += 997) expect(table.firstWith(key(index), 0)).toBe(index);
    expect(table.size).toBe(50_000);
  });
});
