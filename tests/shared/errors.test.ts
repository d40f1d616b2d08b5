import { expect, test } from 'vitest';
import { StrataError } from '../../shared/errors.ts';

test('what is told of a stranger’s file has an end', () => {
  const long = 'x'.repeat(1_000_000);
  const { message, found, allowed, hint } = new StrataError('CORRUPT', long, { found: long, allowed: long, hint: long }).toRecord();
  for (const text of [message, found, allowed, hint]) expect(text).toBe(`${'x'.repeat(2000)}…`);
});

test('what is short is told whole, and what is not said stays unsaid', () => {
  expect(new StrataError('CORRUPT', 'damaged', { found: '', hint: 'copy it again' }).toRecord()).toEqual({
    code: 'CORRUPT',
    message: 'damaged',
    found: '',
    hint: 'copy it again',
  });
});
