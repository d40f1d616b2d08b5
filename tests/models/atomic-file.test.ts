import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAtomically, writeTextAtomically } from '../../main/models/atomic-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

describe('a file written atomically', () => {
  it('holds all pieces in their order, and nothing lies beside it', async () => {
    const path = join(folder.path, 'a');
    await writeAtomically(path, async (append) => {
      await append(Buffer.from('one '));
      await append(new Uint8Array());
      await append(Buffer.from('two'));
    });
    expect(await readFile(path, 'utf8')).toBe('one two');
    expect(await folder.list()).toEqual(['a']);
  });

  it('replaces what was there, only when it is complete', async () => {
    const path = await folder.write('a', 'before');
    await writeAtomically(path, async (append) => {
      await append(Buffer.from('after'));
      expect(await readFile(path, 'utf8')).toBe('before');
    });
    expect(await readFile(path, 'utf8')).toBe('after');
  });

  it('leaves what was there when writing fails, and nothing else', async () => {
    const path = await folder.write('a', 'before');
    const writing = writeAtomically(path, async (append) => {
      await append(Buffer.from('half'));
      throw new Error('the source is gone');
    });
    await expect(writing).rejects.toThrow('the source is gone');
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await folder.list()).toEqual(['a']);
  });

  it('leaves nothing when it cannot get its name', async () => {
    await mkdir(join(folder.path, 'a'));
    await expect(writeTextAtomically(join(folder.path, 'a'), 'text')).rejects.toThrow();
    expect(await folder.list()).toEqual(['a/']);
  });

  it('may be a text', async () => {
    await writeTextAtomically(join(folder.path, 'a'), 'text ü');
    expect(await readFile(join(folder.path, 'a'), 'utf8')).toBe('text ü');
  });
});
