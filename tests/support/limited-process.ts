import { spawnSync } from 'node:child_process';

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
