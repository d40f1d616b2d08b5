import { describe, expect, it } from 'vitest';
import { explainEnd, explainFailure } from '../../main/training/trainer-end.ts';
import { StrataError } from '../../shared/errors.ts';

describe('the end of a trainer process', () => {
  it.each([
    [{ code: null, signal: 'SIGKILL', words: '' }, /^SIGKILL: it was killed from outside, as the system does/],
    [{ code: 137, signal: null, words: '' }, /^SIGKILL: it was killed/],
    [{ code: null, signal: 'SIGABRT', words: 'Check failed: a == b' }, /^SIGABRT: the engine gave up.*\. Check failed: a == b$/],
    [{ code: 139, signal: null, words: '' }, /^SIGSEGV: the engine crashed/],
    [{ code: null, signal: 'SIGBUS', words: '' }, /^SIGBUS: .*disk failed/],
    [{ code: null, signal: 'SIGXCPU', words: '' }, /^SIGXCPU: it was ended by that signal$/],
    [{ code: 0, signal: null, words: '' }, /^exit code 0$/],
    [{ code: 7, signal: null, words: 'Oh no.' }, /^exit code 7\. Oh no\.$/],
    [{ code: null, signal: null, words: 'spawn node ENOENT' }, /^spawn node ENOENT$/],
  ])('%o', (end, found) => {
    const error = explainEnd(end, 'training');
    expect(error).toMatchObject({ code: 'CRASHED', message: 'The trainer process ended without an answer.' });
    expect(error.found).toMatch(found);
    expect(error.hint).toMatch(/resumed from its last checkpoint/);
  });

  it.each([
    ['C++', 134, null, "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc"],
    ['V8', null, 'SIGABRT', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
    ['the system', 1, null, 'mmap: Cannot allocate memory'],
    ['TensorFlow', 1, null, 'RESOURCE_EXHAUSTED: failed to allocate memory'],
  ])('for want of memory, as %s says it', (_, code, signal, words) => {
    const error = explainEnd({ code, signal, words }, 'training');
    expect(error).toMatchObject({ code: 'CRASHED', message: 'The trainer ran out of memory.' });
    expect(error.found).toContain(words);
    expect(error.hint).toMatch(/resumed from its last checkpoint.*smaller batch or context/);
  });

  it('of a job that has no checkpoint does not promise one', () => {
    for (const signal of ['SIGKILL', 'SIGSEGV']) {
      const { hint } = explainEnd({ code: null, signal, words: '' }, 'other');
      expect(hint).toMatch(/^Try it again\./);
      expect(hint).not.toMatch(/checkpoint/);
    }
  });
});

describe('an error that a job ended with', () => {
  it.each([
    'Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[40000,2,64,64] and type float on /job:localhost by allocator mklcpu',
    'Array buffer allocation failed',
  ])('that means a full memory says so: %s', (message) => {
    expect(explainFailure(new Error(message), 'training')).toMatchObject({
      code: 'CRASHED',
      message: 'The trainer ran out of memory.',
      found: message,
    });
  });

  it('that is anything else stays what it is', () => {
    const known = new StrataError('CORRUPT', 'A file about out of memory errors is damaged.');
    expect(explainFailure(known, 'training')).toBe(known);
    expect(explainFailure(new Error('a fault'), 'training')).toMatchObject({ code: 'INTERNAL', message: 'a fault' });
  });
});
