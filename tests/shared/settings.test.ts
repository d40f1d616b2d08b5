import { describe, expect, it } from 'vitest';
import { describeSetting, parseSetting, SETTING_NAMES } from '../../shared/domain/settings.ts';

describe('a setting as it is typed', () => {
  it.each([
    ['warmup', '0.5', { warmup: 0.5 }],
    ['microBatch', '2', { microBatch: 2 }],
    ['schedule', 'wsd', { schedule: 'wsd' }],
    ['decayShape', '1-sqrt', { decayShape: '1-sqrt' }],
    ['packing', 'documents', { packing: 'documents' }],
    ['lr.embeddings', '0', { 'lr.embeddings': 0 }],
  ])('%s=%s is %j', (name, text, wanted) => expect(parseSetting(name, text)).toEqual(wanted));

  it.each([
    ['speed', '1'],
    ['warmup', ''],
    ['warmup', 'much'],
    ['warmup', 'Infinity'],
    ['schedule', '1'],
    ['schedule', 'triangle'],
    ['lr.nothing', '1'],
    ['constructor', '1'],
  ])('%s=%s is none', (name, text) => expect(parseSetting(name, text)).toBeNull());

  it('has a meaning, whichever it is', () => {
    expect(SETTING_NAMES.length).toBeGreaterThan(20);
    for (const name of SETTING_NAMES) expect(describeSetting(name).meaning.length).toBeGreaterThan(10);
    expect(describeSetting('schedule').choices).toEqual(['cosine', 'wsd']);
    expect(describeSetting('decay').choices).toBeNull();
  });
});
