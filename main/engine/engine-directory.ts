import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the set-up leaves in the engine's folder once TensorFlow's library and the addon are in place. */
export interface EngineManifest {
  tensorflowVersion: string;
  /** Absolute path of the compiled addon, beside TensorFlow's libraries. */
  addonPath: string;
  /** Where CUDA's libraries lie, which a process must know before it starts; none without a GPU. */
  libraryFolders: readonly string[];
}

/**
 * The folder that the set-up fills with TensorFlow's library and the addon: STRATA_ENGINE_DIR, else `strata/engine` in the
 * operating system's cache folder. It lies outside the checkout, so that several checkouts share it.
 */
export function engineDirectory(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (environment.STRATA_ENGINE_DIR) return environment.STRATA_ENGINE_DIR;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'strata', 'engine');
  if (platform === 'win32') return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'strata', 'engine');
  return join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'strata', 'engine');
}

/**
 * The manifest of TensorFlow for the processor or for NVIDIA GPUs: what the set-up compiled, else an engine pack (engine-pack.ts), else null.
 */
export async function readEngineManifest(directory: string, device: 'cpu' | 'gpu' = 'cpu'): Promise<EngineManifest | null> {
  if (device === 'gpu') return readManifest(join(directory, 'engine-gpu.json'));
  return (await readManifest(join(directory, 'engine.json'))) ?? readManifest(join(directory, 'pack-tensorflow-cpu.json'));
}

async function readManifest(path: string): Promise<EngineManifest | null> {
  try {
    const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof manifest !== 'object' || manifest === null) return null;
    const { tensorflowVersion, addonPath, libraryFolders = [] } = manifest as Partial<EngineManifest>;
    const isComplete = typeof tensorflowVersion === 'string' && typeof addonPath === 'string' && Array.isArray(libraryFolders);
    return isComplete ? { tensorflowVersion, addonPath, libraryFolders } : null;
  } catch {
    return null; // absent or half-written: the caller says how to build it
  }
}
