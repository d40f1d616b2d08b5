import { afterEach, describe, expect, it } from 'vitest';
import { configurationRows } from '../../../renderer/features/runs/configuration-words.ts';
import { describeMixture } from '../../../shared/domain/mixture-words.ts';
import { runConfigurationSchema } from '../../../shared/domain/run.ts';
import { speak } from '../../../shared/words/words.ts';
import { configurationRecord, fullConfiguration } from '../../support/run-records.ts';

/** Told by rows of their own. */
const ELSEWHERE = ['baseModel', 'method', 'datasets', 'mixture'];

describe('the frozen configuration of a run', () => {
  afterEach(() => speak('en'));

  it('has a row for every setting', () => {
    const told = new Set(configurationRows(fullConfiguration).map(({ key }) => key.split('.')[0]));
    const settings = Object.keys(runConfigurationSchema.shape).filter((key) => !ELSEWHERE.includes(key));
    expect([...told].sort()).toEqual(settings.sort());
  });

  it.each(['en', 'de'] as const)('is read as words in %s: no key of a program, no object, no number of a program', async (language) => {
    await speak(language);
    const rows = configurationRows(fullConfiguration);
    for (const { key, label, value } of rows) {
      expect(label).not.toBe(key);
      expect(label, 'labels begin alike').toMatch(/^\p{Lu}/u);
      expect(label, key).not.toMatch(/[a-z][A-Z]|\w\.\w/);
      expect(value, key).not.toMatch(/object|undefined|null|true|false|\de-\d|1-sqrt/);
    }
    const texts = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    expect(texts).toMatchObject(
      language === 'en'
        ? { learningRate: '0.00002', epsilon: '1 × 10⁻⁸', past: 'tales', 'schedule.decay': 'the last 20 % of the steps' }
        : { learningRate: '0,00002', epsilon: '1 × 10⁻⁸', past: 'tales', 'schedule.decay': 'den letzten 20 % der Schritte' },
    );
  });

  it('leaves out what a run does not have', () => {
    const keys = configurationRows(configurationRecord()).map(({ key }) => key);
    expect(keys).not.toContain('guard');
    expect(keys).not.toContain('samples.everySteps');
    expect(
      keys.some((key) => key.startsWith('learningRateFactors')),
      'a factor of 1 is none',
    ).toBe(false);
  });

  it('names the course of its replay in the language in use', async () => {
    await speak('de');
    const curve = [0, 1].map((at) => ({ at, share: 0.1 }));
    const mixture = { version: 2, weighting: 'size', temperature: 1, maxRepeats: null, schedule: 'constant', curve, weights: {} } as const;
    const rows = describeMixture({ ...mixture, weights: {} }, []);
    expect(rows.map(([, text]) => text)).toContain('Gleichbleibend');
    for (const [label] of rows) expect(label, 'as all labels of the table').toMatch(/^\p{Lu}/u);
  });
});
