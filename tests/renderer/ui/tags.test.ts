import { expect, test } from 'vitest';
import { addTag, changedTags, commonTags } from '../../../renderer/ui/tags.ts';

test('a tag is added once, trimmed, whatever its case', () => {
  expect(addTag(['code'], '  law ')).toEqual(['code', 'law']);
  expect(addTag(['code'], 'CODE')).toEqual(['code']);
  expect(addTag(['code'], '   ')).toEqual(['code']);
  expect(addTag([], 'x'.repeat(100))[0]).toHaveLength(60);
});

test('the tags that all have are edited, and what each has of its own stays', () => {
  const [first, second] = [
    ['code', 'good', 'mine'],
    ['other', 'good', 'code'],
  ];
  const common = commonTags([first!, second!]);
  expect(common).toEqual(['code', 'good']);
  expect(changedTags(first!, common, ['good', 'paper'])).toEqual(['good', 'mine', 'paper']);
  expect(changedTags(second!, common, ['good', 'paper'])).toEqual(['other', 'good', 'paper']);
  expect(changedTags(second!, common, ['good', 'other'])).toEqual(['other', 'good']);
  expect(commonTags([])).toEqual([]);
});
