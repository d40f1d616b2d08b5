import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Runs a function of one of our modules in a process that cannot write a file of more than some kilobytes: the write that goes
 * over the limit takes a part and the next one fails, as on a disk that fills up (with the code EFBIG instead of ENOSPC).
 * @returns the code of the error, or an empty text when the function succeeded.
 */
export function errorWithFullDisk(kilobytes: number, module: string, name: string, args: readonly unknown[]): string {
  const program = `
    const run = (await import(process.argv[1]))[process.argv[2]];
    await run(...JSON.parse(process.argv[3])).then(() => '', (error) => String(error.code ?? error)).then((code) => process.stdout.write(code));`;
  const node = [process.execPath, '--input-type=module', '-e', program, module, name, JSON.stringify(args)];
  const { stdout, stderr } = spawnSync('bash', ['-c', `ulimit -f ${kilobytes} && exec "$@"`, 'bash', ...node], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return stdout;
}

/**
 * Lets the Node processes that `body` starts have only so much address space: an allocation beyond it fails as on a machine whose
 * memory is full. They compile what they load anew, so that as much is left for what they compute every time. Needs a shell that knows `ulimit -v`, which macOS and Windows do not have.
 * @param directory where a small program may lie.
 */
export async function withLimitedMemory<Result>(directory: string, kilobytes: number, body: () => Promise<Result>): Promise<Result> {
  const { execPath } = process;
  const wrapper = join(directory, 'node-with-limit');
  await writeFile(wrapper, `#!/bin/bash\nexport NODE_DISABLE_COMPILE_CACHE=1\nulimit -v ${kilobytes} && exec '${execPath}' "$@"\n`, { mode: 0o755 });
  process.execPath = wrapper;
  try {
    return await body();
  } finally {
    process.execPath = execPath;
  }
}
