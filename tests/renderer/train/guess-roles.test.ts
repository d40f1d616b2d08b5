import { describe, expect, it } from 'vitest';
import { guessRoles } from '../../../renderer/features/train/guess-roles.ts';

type Dataset = Parameters<typeof guessRoles>[0][number];
type Model = Parameters<typeof guessRoles>[1];

const dataset = (id: string, changes: Partial<Dataset> = {}): Dataset => ({
  id,
  hash: `hash of ${id}`,
  source: `/home/me/${id}.jsonl`,
  createdAt: '2026-01-01T00:00:00Z',
  parent: null,
  documents: 10,
  kinds: { text: 10 } as Dataset['kinds'],
  ...changes,
});
const fresh: Model = { name: 'mine', line: [] };
const sampleModel: Model = { name: 'strata-base', line: [] };
const sample = (role: 'new' | 'old'): Dataset => dataset(`sample-${role}`, { source: `/opt/strata/samples/${role}/documents.jsonl.gz` });
const rolesOf = (guesses: ReturnType<typeof guessRoles>): Record<string, string> =>
  Object.fromEntries(Object.entries(guesses).map(([id, { role, reason }]) => [id, `${role}, ${reason}`]));

describe('roles that nobody chose', () => {
  it('are those of the sample project on its model, wherever it is installed', () => {
    expect(rolesOf(guessRoles([sample('new'), sample('old')], sampleModel))).toEqual({
      'sample-new': 'new, sample',
      'sample-old': 'old, sample',
    });
    const windows = { ...sample('new'), source: 'C:\\Strata\\samples\\new\\documents.jsonl.gz' };
    expect(rolesOf(guessRoles([windows], sampleModel))).toEqual({ 'sample-new': 'new, sample' });
  });

  it('take the newest of what nobody knows as new, and say nothing of the others', () => {
    const late = dataset('late', { createdAt: '2026-02-01T00:00:00Z' });
    expect(rolesOf(guessRoles([late, dataset('early'), sample('new')], fresh))).toEqual({ late: 'new, newest' });
    expect(rolesOf(guessRoles([late], fresh))).toEqual({ late: 'new, only' });
  });

  it('take what the model has learned or kept as old', () => {
    const training = { datasets: [{ hash: 'hash of known' }] };
    const line = [{ base: { name: 'first' }, training }] as unknown as Model['line'];
    const guesses = guessRoles([dataset('known'), dataset('next')], { name: 'second', line });
    expect(rolesOf(guesses)).toEqual({ known: 'old, learned', next: 'new, only' });
    expect(guessRoles([dataset('known')], { name: 'second', line })).toEqual({});
  });

  it('leave out what was replaced, what has only choices, and everything where nothing is new', () => {
    const choices = dataset('choices', { kinds: { choice: 10 } as Dataset['kinds'] });
    const later = dataset('later', { parent: 'earlier' });
    expect(rolesOf(guessRoles([dataset('earlier'), later, choices], fresh))).toEqual({ later: 'new, only' });
    expect(guessRoles([sample('old')], sampleModel)).toEqual({});
    expect(guessRoles([], fresh)).toEqual({});
  });
});
