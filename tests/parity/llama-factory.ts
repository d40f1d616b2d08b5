import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The package whose script is run, and what the script imports beyond what the comparisons have anyway. */
const PACKAGE = 'llamafactory==0.9.5';
const NEEDED = ['fire==0.7.1'];

const run = promisify(execFile);

/** LLaMA-Factory's own expansion, as its source package carries it; nothing of it lies in this repository. */
export interface LlamaFactory {
  /** Expands a model folder by so many blocks; refuses numbers that do not divide. */
  expand(folder: string, destination: string, copies: number): Promise<void>;
}

/** Fetches the package into a folder with the Python's own pip; a sentence where that is not possible. */
export async function fetchLlamaFactory(python: string, directory: string): Promise<LlamaFactory | string> {
  const [source, libraries] = [join(directory, 'source'), join(directory, 'libraries')];
  try {
    await mkdir(source, { recursive: true });
    await run(python, ['-m', 'pip', 'download', PACKAGE, '--no-deps', '--no-binary', ':all:', '--quiet', '-d', source], {
      timeout: 240_000,
    });
    const archive = (await readdir(source)).find((name) => name.endsWith('.tar.gz'))!;
    await run(python, ['-m', 'tarfile', '-e', join(source, archive), source]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--target', libraries, ...NEEDED], { timeout: 240_000 });
  } catch (error) {
    return `${PACKAGE} could not be fetched: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
  const script = join(source, PACKAGE.replace('==', '-'), 'scripts/llama_pro.py');
  const env = { ...process.env, PYTHONPATH: libraries, HF_HUB_OFFLINE: '1' };
  return {
    expand: async (folder, destination, copies) => {
      await run(python, [script, '--model_name_or_path', folder, '--output_dir', destination, '--num_expand', String(copies)], {
        env,
        maxBuffer: 2 ** 26,
      });
    },
  };
}
