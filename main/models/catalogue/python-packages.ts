import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** The machine's own pip, as the start of a command line. */
export interface PackageInstaller {
  command: string;
  args: string[];
}

const PROBE_LIMIT_MS = 60_000;
/** Output that is kept of a command, for its last message. */
const KEPT_CHARACTERS = 8000;
const SHOWN_LINES = 3;

/** Python's pip where there is one, else pip run by uv; null where there is neither. */
export async function findPip(signal: AbortSignal, platform: NodeJS.Platform = process.platform): Promise<PackageInstaller | null> {
  const candidates: PackageInstaller[] = [
    { command: 'python3', args: ['-m', 'pip'] },
    { command: 'python', args: ['-m', 'pip'] },
    ...(platform === 'win32' ? [{ command: 'py', args: ['-3', '-m', 'pip'] }] : []),
    { command: 'pip3', args: [] },
    { command: 'uv', args: ['tool', 'run', '--quiet', 'pip'] },
  ];
  for (const { command, args } of candidates) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_LIMIT_MS)]);
    const { exitCode, output } = await run(command, [...args, '--version'], process.env, limit);
    if (exitCode === 0 && /^pip \d/m.test(output)) return { command, args };
    if (signal.aborted) return null;
  }
  return null;
}

/**
 * Fetches one wheel in an exact version into a folder, without what it depends on and without running anything of it.
 * @param selection of a platform and a Python other than pip's own
 * @returns null when it is there, else what pip said last.
 */
export async function fetchWheel(
  { command, args }: PackageInstaller,
  requirement: string,
  directory: string,
  temporary: string,
  signal: AbortSignal,
  selection: readonly string[] = [],
): Promise<string | null> {
  const quiet = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'];
  const what = ['--no-deps', '--only-binary=:all:', ...selection, '--dest', directory, requirement];
  // pip writes into its temporary folder first: there it can be seen how far it is, and it stays on the workspace's disk.
  const environment = { ...process.env, TMPDIR: temporary, TMP: temporary, TEMP: temporary };
  const { exitCode, output } = await run(command, [...args, 'download', ...quiet, ...what], environment, signal);
  if (exitCode === 0) return null;
  const lines = stripVTControlCharacters(output)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.slice(-SHOWN_LINES).join(' ') || `pip ended with ${exitCode}`;
}

/** Runs a command to its end, or until the signal ends it with all that it started. A missing program is a result like any other. */
function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    // A group of its own: uv starts pip as a process, and Ctrl-C is ours to hand on.
    const hasGroup = process.platform !== 'win32';
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, detached: hasGroup });
    const kill = (): void => {
      try {
        if (hasGroup && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch {
        // it has ended by itself
      }
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill);
    const collect = (text: string): void => void (output = (output + text).slice(-KEPT_CHARACTERS));
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.on('error', (error) => collect(error.message));
    child.on('close', (exitCode) => {
      signal.removeEventListener('abort', kill);
      resolve({ exitCode, output });
    });
  });
}
