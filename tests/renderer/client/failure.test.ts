import { expect, it } from 'vitest';
import { hintWithoutCommand } from '../../../renderer/client/failure.ts';

it('leaves commands out of what a page says is to be done', () => {
  expect(hintWithoutCommand('strata model list shows them.')).toBeNull();
  expect(hintWithoutCommand('"strata run restore one" brings it back.')).toBeNull();
  expect(hintWithoutCommand('Measure it first: strata model importance "base" --old "tales"')).toBe('Measure it first.');
  expect(hintWithoutCommand('Free some space: Strata needs 2 GB.')).toBe('Free some space: Strata needs 2 GB.');
  expect(hintWithoutCommand(undefined)).toBeNull();
});
