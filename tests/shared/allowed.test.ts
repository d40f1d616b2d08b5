import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allowedBy } from '../../shared/allowed.ts';

describe('what a schema allows', () => {
  it.each([
    [z.int().min(1), 0, 'at least 1'],
    [z.number().positive(), 0, 'more than 0'],
    [z.number().max(1), 2, 'at most 1'],
    [z.number().lt(1), 1, 'less than 1'],
    [z.int(), 1.5, 'a whole number'],
    [z.string(), 1, 'a text'],
    [z.boolean(), 1, 'true or false'],
    [z.number(), 'x', 'a number'],
    [z.array(z.int()).min(1), [], 'a list of at least 1'],
    [z.array(z.int()).max(1), [1, 2], 'a list of at most 1'],
    [z.literal(['a', 'b']), 'c', '"a" or "b"'],
    [z.string().min(3), 'a', 'Too small: expected string to have >=3 characters'],
    [z.number().refine((n) => n % 2 === 0, 'an even number'), 3, 'an even number'],
  ])('is said in words: case %#', (schema, value, words) => {
    expect(schema.safeParse(value).error!.issues.map(allowedBy)).toEqual([words]);
  });
});
