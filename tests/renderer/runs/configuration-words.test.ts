import { afterEach, describe, expect, it } from 'vitest';
import { configurationRows } from '../../../renderer/features/runs/configuration-words.ts';
import { describeMixture } from '../../../shared/domain/mixture-words.ts';
import { type RunConfiguration, runConfigurationSchema } from '../../../shared/domain/run.ts';
import { speak } from '../../../shared/words/words.ts';
import { configurationRecord } from '../../support/run-records.ts';

/** Told by rows of their own. */
const ELSEWHERE = ['baseModel', 'method', 'datasets', 'mixture'];

const FULL: RunConfiguration = configurationRecord({
  replayReason: 'As chosen.',
  rendering: { completions: 'chat', learn: 'all' },
  importance: {
    ...{ modelHash: 'a'.repeat(64), datasets: [{ name: 'stories', hash: 'c'.repeat(64) }], context: 32, windows: 4, tokens: 124 },
    ...{ loss: 3, blocks: [], seconds: 1, createdAt: '2026-01-02T03:04:05.678Z' },
  } as unknown as RunConfiguration['importance'] & object,
  learningRateFactors: { embeddings: 0.5, norms: 2, attention: 3, mlp: 4, inserted: 5, adapters: 6 },
  schedule: { name: 'wsd', decay: 0.2, shape: '1-sqrt' },
  evaluation: { everySteps: 8, tokens: 1024, tokensAtEnds: 4096, order: 'spread' },
  samples: { everySteps: 10, tokens: 24, prompts: ['Once', 'def f'] },
  past: [{ id: 'tales-1', name: 'tales', hash: 'd'.repeat(64) }],
  guard: { measure: 'loss', limit: 0.05, action: 'warn', fromStart: false },
  learningRate: 2e-5,
  epsilon: 1e-8,
});

describe('the frozen configuration of a run', () => {
  afterEach(() => speak('en'));

  it('has a row for every setting', () => {
    const told = new Set(configurationRows(FULL).map(({ key }) => key.split('.')[0]));
    const settings = Object.keys(runConfigurationSchema.shape).filter((key) => !ELSEWHERE.includes(key));
    expect([...told].sort()).toEqual(settings.sort());
  });

  it.each(['en', 'de'] as const)('is read as words in %s: no key of a program, no object, no number of a program', async (language) => {
    await speak(language);
    const rows = configurationRows(FULL);
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
