import { describe, expect, test } from 'vitest';
import { DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { mappingSchema } from '../../shared/domain/shape.ts';
import { cleaningHelp, parseCleaning } from '../../main/cli/cleaning-option.ts';
import { parseMapping, writeMapping } from '../../main/cli/mapping-option.ts';

describe('--map', () => {
  test.each([
    ['text=body', { shape: 'text', columns: ['body'] }],
    ['text=title,body', { shape: 'text', columns: ['title', 'body'] }],
    ['completion=question,context->answer', { shape: 'completion', prompt: ['question', 'context'], completion: ['answer'] }],
    ['chat=conversations', { shape: 'chat', messages: ['conversations'], system: null }],
    ['chat=prompt,chosen,system:instruction', { shape: 'chat', messages: ['prompt', 'chosen'], system: 'instruction' }],
    [
      'choice=question->choices->answer:letter',
      { shape: 'choice', question: ['question'], choices: ['choices'], ending: null, gap: null, answer: 'answer', answerForm: 'letter' },
    ],
    [
      'choice=sentence,gap:_->option1,option2,ending:rest->answer:number',
      {
        ...{ shape: 'choice', question: ['sentence'], choices: ['option1', 'option2'] },
        ...{ ending: 'rest', gap: '_', answer: 'answer', answerForm: 'number' },
      },
    ],
    [
      'choice=->endings->label:index',
      { shape: 'choice', question: [], choices: ['endings'], ending: null, gap: null, answer: 'label', answerForm: 'index' },
    ],
  ])('%s', (text, mapping) => {
    expect(parseMapping(text)).toEqual(mappingSchema.parse(mapping));
    expect(writeMapping(parseMapping(text))).toBe(text);
    expect(parseMapping(JSON.stringify(mapping))).toEqual(mapping);
  });

  test.each([
    '',
    'text',
    'text=',
    'text=a->b',
    'poem=a',
    'completion=a',
    'completion=a->',
    'choice=a->b->c',
    'choice=a->b->c:roman',
    '{"shape":"text"}',
    '{',
  ])('refuses %j with what is allowed', (text) =>
    expect(() => parseMapping(text)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', allowed: expect.stringMatching(/letter|text=/) as string }) as Error,
    ),
  );
});

describe('--clean', () => {
  test('takes every setting in its form', () => {
    const given = ['unicode=nfkc', 'boilerplate=true', 'minCharacters=20', 'languages=de,en', 'similarity=0.9', 'secrets=mask'];
    expect(parseCleaning(given)).toEqual({
      ...DEFAULT_CLEANING,
      ...{ unicode: 'nfkc', boilerplate: true, minCharacters: 20, languages: ['de', 'en'], similarity: 0.9, secrets: 'mask' },
    });
    expect(cleaningHelp().map(([form]) => form.split('=')[0])).toEqual(Object.keys(DEFAULT_CLEANING));
  });

  test.each([
    ['soap=1', /unicode=off\|nfc\|nfkc, /],
    ['unicode', /unicode=off/],
    ['unicode=nfx', /^off, nfc, nfkc$/],
    ['boilerplate=perhaps', /^true or false$/],
    ['minCharacters=-1', /^at least 0$/],
    ['minCharacters=', /number/],
    ['languages=klingon', /de, el, en/],
  ])('refuses %s with what is allowed', (pair, allowed) => {
    expect(() => parseCleaning([pair])).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', allowed: expect.stringMatching(allowed) as string }) as Error,
    );
  });
});
