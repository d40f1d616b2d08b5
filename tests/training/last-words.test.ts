import { describe, expect, it } from 'vitest';
import { LastWords } from '../../main/training/last-words.ts';

describe('last words of a trainer', () => {
  it('leave out what TensorFlow says at every start, also when it comes in pieces', () => {
    const words = new LastWords();
    words.hear(
      Buffer.from(
        'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\nI0000 port.cc:153] oneDNN custom ',
      ),
    );
    words.hear(Buffer.from('operations are on. You may see slightly different results.\nterminate called after throwing std::bad_alloc\n'));
    expect(words.toString()).toBe('terminate called after throwing std::bad_alloc');
  });

  it('leave out the addresses of V8, which would push the reason out', () => {
    const words = new LastWords();
    words.hear(Buffer.from('FATAL ERROR: JavaScript heap out of memory\n----- Native stack trace -----\n\n'));
    for (let frame = 1; frame < 60; frame++) {
      words.hear(
        Buffer.from(` ${frame}: 0x${(frame * 4_000_000).toString(16)} node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]\n`),
      );
    }
    expect(words.toString()).toBe('FATAL ERROR: JavaScript heap out of memory');
  });

  it('are the last ones when there are many', () => {
    const words = new LastWords();
    for (let line = 0; line < 1000; line++) words.hear(Buffer.from(`line ${line}\n`));
    expect(words.toString()).toMatch(/line 999$/);
    expect(words.toString().length).toBeLessThanOrEqual(2000);
  });
});
