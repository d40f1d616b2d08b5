import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StrataError } from '../../shared/errors.ts';
import { engineDirectory } from '../engine/engine-directory.ts';

const run = promisify(execFile);

/** A Python with PyTorch and transformers, and what it has of them. */
export interface Peer {
  python: string;
  versions: { python: string; torch: string; transformers: string; peft: string | null };
}

/** Prints the versions as JSON; fails where PyTorch or transformers is missing. */
const PROBE = `
import json, platform, torch, transformers
try:
    import peft
    adapters = peft.__version__
except ImportError:
    adapters = None
print(json.dumps(dict(python=platform.python_version(), torch=torch.__version__, transformers=transformers.__version__, peft=adapters)))
`;

/** Loading PyTorch takes seconds, on a cold disk tens of them. */
const PROBE_LIMIT_MS = 180_000;

/**
 * The Python that computes the other side: the one that is named (an option, else STRATA_PYTHON), else the one that `npm run parity` set
 * up, else the system's.
 * @returns null, with the reason, where there is none with PyTorch
 * @throws StrataError BAD_INPUT when the one that is named cannot do it
 */
export async function findPeer(named: string | undefined = process.env.STRATA_PYTHON): Promise<{ peer: Peer | null; reason: string }> {
  if (named !== undefined && named !== '') {
    const { peer, reason } = await probe(named);
    if (peer) return { peer, reason };
    throw new StrataError('BAD_INPUT', 'That Python cannot run the PyTorch side.', {
      found: `${named}: ${reason}`,
      allowed: 'a Python with torch, transformers, safetensors and numpy (and peft for LoRA)',
      hint: 'Leave --python and STRATA_PYTHON out to measure Strata alone, or to use what "npm run parity" has set up.',
    });
  }
  const setUp = parityPython();
  const candidates = [...(existsSync(setUp) ? [setUp] : []), systemPython()];
  let reason = '';
  for (const candidate of candidates) {
    const found = await probe(candidate);
    if (found.peer) return found;
    reason = `${candidate}: ${found.reason}`;
  }
  return { peer: null, reason };
}

/**
 * A Python that has a package: the one that is named (an option, else STRATA_PYTHON), else the system's.
 * @returns null, with the reason, where there is none with it.
 */
export async function findPythonWith(
  packageName: string,
  named: string | undefined = process.env.STRATA_PYTHON,
): Promise<{ python: string | null; reason: string }> {
  const python = named !== undefined && named !== '' ? named : systemPython();
  try {
    await run(python, ['-c', `import ${packageName}`], { timeout: PROBE_LIMIT_MS });
    return { python, reason: '' };
  } catch (error) {
    return { python: null, reason: lastLine(error) };
  }
}

function systemPython(): string {
  return process.platform === 'win32' ? 'python' : 'python3';
}

/** What a program that failed said last. */
function lastLine(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n').at(-1) || message.split('\n')[0]!;
}

/** Where `npm run parity` keeps its Python: see scripts/setup/python.mjs. */
function parityPython(): string {
  const environment = join(engineDirectory(), 'parity');
  return process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');
}

async function probe(python: string): Promise<{ peer: Peer | null; reason: string }> {
  try {
    const { stdout } = await run(python, ['-c', PROBE], { timeout: PROBE_LIMIT_MS });
    return { peer: { python, versions: JSON.parse(stdout.trim().split('\n').at(-1)!) as Peer['versions'] }, reason: '' };
  } catch (error) {
    return { peer: null, reason: lastLine(error) };
  }
}
