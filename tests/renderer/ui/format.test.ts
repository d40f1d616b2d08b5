import { afterEach, describe, expect, it } from 'vitest';
import {
  bytes,
  change,
  changeWithError,
  count,
  duration,
  inPowers,
  loss,
  percent,
  shortCount,
  significant,
  when,
} from '../../../renderer/ui/format.ts';
import { speak } from '../../../shared/words/words.ts';

describe('numbers as people read them', () => {
  afterEach(() => speak('en'));

  const shown = (): string[] => [
    count(1234567),
    shortCount(1_234_567),
    shortCount(12_345),
    shortCount(2_500_000_000),
    bytes(1_536),
    bytes(12),
    loss(1.23456),
    change(-0.5),
    change(0.0004),
    changeWithError({ value: 3.872, error: 0.127 }),
    percent(0.125),
    percent(1 / 3),
    duration(119.7),
    duration(7260),
    inPowers(2e-4, 2),
    significant(2.5e-8, 6),
  ];

  it('are written in English', () => {
    expect(shown()).toEqual([
      '1,234,567',
      '1.23 M',
      '12 k',
      '2.50 B',
      '1.5 kB',
      '12 B',
      '1.235',
      '\u22120.500',
      '0.000',
      '+3.872 ± 0.127',
      '12.5 %',
      '33.3 %',
      '2 min 0 s',
      '2 h 1 min',
      '2.00 × 10⁻⁴',
      '2.5 × 10⁻⁸',
    ]);
    expect(when('2026-11-27T22:10:00')).toBe('27 Nov, 22:10');
  });

  it('are written in German', async () => {
    await speak('de');
    expect(shown()).toEqual([
      '1.234.567',
      '1,23 Mio.',
      '12 Tsd.',
      '2,50 Mrd.',
      '1,5 kB',
      '12 B',
      '1,235',
      '\u22120,500',
      '0,000',
      '+3,872 ± 0,127',
      '12,5 %',
      '33,3 %',
      '2 min 0 s',
      '2 h 1 min',
      '2,00 × 10⁻⁴',
      '2,5 × 10⁻⁸',
    ]);
    expect(when('2026-11-27T22:10:00')).toMatch(/^27\. Nov\.?,? 22:10$/);
  });

  it('are dashes where there is none', () => {
    expect([
      count(null),
      shortCount(undefined),
      bytes(null),
      loss(null),
      change(null),
      changeWithError(null),
      percent(null),
      duration(null),
    ]).toEqual(Array.from({ length: 8 }, () => '–'));
  });
});
