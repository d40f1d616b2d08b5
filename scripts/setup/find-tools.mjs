import { runCommand } from './run-command.mjs';

/**
 * The machine's own pip, as the start of a command line: Python's module where there is one, else pip run by uv.
 * @returns {Promise<{ command: string, args: string[], version: string } | null>}
 */
export async function findPip() {
  /** @type {[string, string[]][]} */
  const candidates = [
    ['python3', ['-m', 'pip']],
    ['python', ['-m', 'pip']],
    ...(process.platform === 'win32' ? [/** @type {[string, string[]]} */ (['py', ['-3', '-m', 'pip']])] : []),
    ['pip3', []],
    ['uv', ['tool', 'run', '--quiet', 'pip']],
  ];
  for (const [command, args] of candidates) {
    const { exitCode, stdout } = await runCommand(command, [...args, '--version'], { timeoutMs: 60_000 });
    const version = /^pip ([\d.]+)/m.exec(stdout)?.[1];
    if (exitCode === 0 && version) return { command, args, version };
  }
  return null;
}

/**
 * A C++ compiler that answers: CXX (which may carry options) decides alone where it is set.
 * @returns {Promise<{ command: string, args: string[], version: string } | null>}
 */
export async function findCompiler(environment = process.env) {
  const candidates = environment.CXX?.trim() ? [environment.CXX.trim().split(/\s+/)] : [['g++'], ['clang++'], ['c++']];
  for (const [command = '', ...args] of candidates) {
    const { exitCode, stdout } = await runCommand(command, [...args, '--version'], { timeoutMs: 60_000 });
    const version = stdout.split('\n', 1)[0]?.trim();
    if (exitCode === 0 && version) return { command, args, version };
  }
  return null;
}
