import { expect, test } from 'vitest';
import { type Address, formatAddress, parseAddress } from '../../../renderer/ui/address.ts';

test('an address is its page, its item and how it is looked at', () => {
  expect(parseAddress('#/runs?q=two%20words&status=done,failed')).toEqual({
    path: ['runs'],
    query: { q: 'two words', status: 'done,failed' },
  });
  expect(parseAddress('#/compare/a-1,b-2?baseline=a-1')).toEqual({ path: ['compare', 'a-1,b-2'], query: { baseline: 'a-1' } });
  expect(parseAddress('#/')).toEqual({ path: [], query: {} });
});

test('a token in the hash is no page, and what cannot be decoded stays as it is', () => {
  expect(parseAddress('#token=abc')).toEqual({ path: [], query: {} });
  expect(parseAddress('')).toEqual({ path: [], query: {} });
  expect(parseAddress('#/runs/100%')).toEqual({ path: ['runs', '100%'], query: {} });
});

test.each<Address>([
  { path: ['runs'], query: {} },
  { path: ['runs', 'a/b ü?'], query: { q: 'ä&b=c?', tags: 'x%2Cy,z' } },
  { path: ['compare', 'a,b'], query: { baseline: 'b' } },
])('what is written is read again: %j', (address) => {
  expect(parseAddress(`#/${formatAddress(address)}`)).toEqual(address);
});

test('ids stay readable beside each other', () => {
  expect(formatAddress({ path: ['compare', 'py-1,py-2'], query: {} })).toBe('compare/py-1,py-2');
});
