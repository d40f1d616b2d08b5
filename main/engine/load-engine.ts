import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { readEngineManifest } from './engine-directory.ts';
import type { Engine } from './engine.ts';
import { TensorFlowEngine, type TensorFlowBinding } from './tensorflow-engine.ts';
import { TfjsEngine } from './tfjs-engine.ts';

/** Engines in order of preference: `auto` takes the first whose self-test passes. */
export const ENGINE_NAMES = ['tensorflow-cpu', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** @throws StrataError BAD_INPUT when there is no engine of that name. */
export function parseEngineName(name: string): EngineName | 'auto' {
  if (name === 'auto' || (ENGINE_NAMES as readonly string[]).includes(name)) return name as EngineName | 'auto';
  throw new StrataError('BAD_INPUT', `There is no engine called "${name}".`, {
    found: name,
    allowed: ['auto', ...ENGINE_NAMES].join(', '),
  });
}

const require = createRequire(import.meta.url);

/**
 * Loads one engine into this process. Native libraries read their environment now: see {@link ENGINE_ENVIRONMENT}.
 * @throws StrataError ENGINE when its library is missing or does not load; the hint says how to get it.
 */
export async function loadEngine(name: EngineName, directory: string): Promise<Engine> {
  return name === 'tensorflow-cpu' ? loadTensorFlow(directory) : loadTfjs(name);
}

/** Environment of a process that loads TensorFlow: oneDNN's matrix kernels (off by default on AVX2 machines), quiet logs. */
export const ENGINE_ENVIRONMENT: Record<string, string> = { TF_ENABLE_ONEDNN_OPTS: '1', TF_CPP_MIN_LOG_LEVEL: '2' };

async function loadTensorFlow(directory: string): Promise<Engine> {
  const manifest = await readEngineManifest(directory);
  if (!manifest) {
    throw new StrataError('ENGINE', "TensorFlow's library has not been set up.", {
      found: `no engine in ${directory}`,
      hint: 'Run "npm run setup" (it needs Python with pip and a C++ compiler); until then the wasm engine is used.',
    });
  }
  try {
    return new TensorFlowEngine(require(manifest.addonPath) as TensorFlowBinding);
  } catch (error) {
    throw new StrataError('ENGINE', "TensorFlow's library could not be loaded.", {
      found: error instanceof Error ? error.message : String(error),
      hint: `Delete ${directory} and run "npm run setup" again.`,
      cause: error,
    });
  }
}

async function loadTfjs(name: 'wasm' | 'cpu'): Promise<Engine> {
  // Not tfjs-core: the full package brings the cpu backend, and plain Node resolves it.
  const tf = require('@tensorflow/tfjs') as typeof import('@tensorflow/tfjs');
  if (name === 'wasm') {
    const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm')) + sep);
  }
  if (!(await tf.setBackend(name))) {
    throw new StrataError('ENGINE', `The ${name} engine did not start.`, {
      hint: 'Run "npm run setup" to install the dependencies again.',
    });
  }
  await tf.ready();
  return new TfjsEngine(tf, name);
}
