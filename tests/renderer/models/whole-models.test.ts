import { expect, it } from 'vitest';
import { wholeModels } from '../../../renderer/features/models/whole-models.ts';

it('takes a model of several files once, and different models each', () => {
  const split = [1, 2, 3].map((part) => `/drop/llama-0000${part}-of-00003.gguf`);
  expect(wholeModels([...split, '/drop/small', '/drop/other-00001-of-00002.gguf', '/drop/tiny.gguf'])).toEqual([
    '/drop/llama-00001-of-00003.gguf',
    '/drop/small',
    '/drop/other-00001-of-00002.gguf',
    '/drop/tiny.gguf',
  ]);
  expect(wholeModels(['C:\\drop\\a-00002-of-00002.gguf', 'C:\\drop\\a-00001-of-00002.gguf'])).toEqual(['C:\\drop\\a-00002-of-00002.gguf']);
});
