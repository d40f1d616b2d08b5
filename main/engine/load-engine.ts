import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, sep } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { readEngineManifest } from './engine-directory.ts';
import type { Engine } from './engine.ts';
import { checkGpuDevice, gpuEnvironment } from './gpu-device.ts';
import { TensorFlowEngine, type TensorFlowBinding } from './tensorflow-engine.ts';
import { TfjsEngine } from './tfjs-engine.ts';
import { loadWebGpu } from './webgpu-engine.ts';

/** Engines in order of preference: `auto` takes the first whose self-test passes. */
export const ENGINE_NAMES = ['tensorflow-gpu', 'tensorflow-cpu', 'webgpu', 'wasm', 'cpu'] as const;
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

/** More parts than this at a time make each so small that its matrix products lose more than its caches win. */
const MOST_LANES = 8;

/**
 * Cores given to lanes: as many operations at a time as there are lanes, each on its share of the cores. One operation spread over all cores moves
 * everything it touches from one core's cache to another's, which costs an element-wise operation five times what it computes
 * (docs/performance.md).
 */
export function threadEnvironment(cores: number): Record<string, string> {
  const lanes = Math.min(cores, MOST_LANES);
  return { TF_NUM_INTEROP_THREADS: String(lanes), TF_NUM_INTRAOP_THREADS: String(Math.ceil(cores / lanes)) };
}

/** Environment of a process that loads TensorFlow: oneDNN's matrix kernels (off by default on AVX2 machines), quiet logs, lanes. */
export const ENGINE_ENVIRONMENT: Record<string, string> = {
  TF_ENABLE_ONEDNN_OPTS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
  ...threadEnvironment(availableParallelism()),
};

/** What a process that is going to load this engine must have in its environment when it starts. */
export async function engineEnvironment(name: EngineName, directory: string): Promise<Record<string, string>> {
  const manifest = name === 'tensorflow-gpu' ? await readEngineManifest(directory, 'gpu') : null;
  return { ...ENGINE_ENVIRONMENT, ...(manifest && gpuEnvironment(manifest, process.env)) };
}

/**
 * Loads one engine into this process, which must have been started with {@link engineEnvironment}.
 * @throws StrataError ENGINE when its library is missing or does not load, or there is no device for it; the hint says what to do
 */
export async function loadEngine(name: EngineName, directory: string): Promise<Engine> {
  switch (name) {
    case 'tensorflow-gpu':
    case 'tensorflow-cpu':
      return loadTensorFlow(name, directory);
    case 'webgpu':
      return loadWebGpu(loadTfjs());
    default:
      return loadTfjsBackend(name);
  }
}

async function loadTensorFlow(name: 'tensorflow-gpu' | 'tensorflow-cpu', directory: string): Promise<Engine> {
  const isGpu = name === 'tensorflow-gpu';
  const manifest = await readEngineManifest(directory, isGpu ? 'gpu' : 'cpu');
  if (!manifest) throw notSetUp(isGpu, directory);
  let binding: TensorFlowBinding;
  try {
    binding = require(manifest.addonPath) as TensorFlowBinding;
  } catch (error) {
    throw new StrataError('ENGINE', "TensorFlow's library could not be loaded.", {
      found: error instanceof Error ? error.message : String(error),
      hint: `Delete ${directory} and run "npm run setup" again.`,
      cause: error,
    });
  }
  if (isGpu) checkGpuDevice(binding);
  // A GPU has caches and cores of its own, and is best given whole batches.
  return new TensorFlowEngine(binding, isGpu ? 1 : Number(process.env.TF_NUM_INTEROP_THREADS ?? 1), name);
}

function notSetUp(isGpu: boolean, directory: string): StrataError {
  return isGpu
    ? new StrataError('ENGINE', 'TensorFlow for NVIDIA GPUs has not been set up.', {
        found: `no GPU engine in ${directory}`,
        hint: 'Run "npm run setup -- --gpu" on a machine with an NVIDIA GPU (about three gigabytes to fetch).',
      })
    : new StrataError('ENGINE', "TensorFlow's library has not been set up.", {
        found: `no engine in ${directory}`,
        hint: 'Run "npm run setup" (it needs Python with pip and a C++ compiler); until then the wasm engine is used.',
      });
}

/** Not tfjs-core: the full package brings the cpu backend, and plain Node resolves it. */
function loadTfjs(): typeof import('@tensorflow/tfjs') {
  return require('@tensorflow/tfjs') as typeof import('@tensorflow/tfjs');
}

async function loadTfjsBackend(name: 'wasm' | 'cpu'): Promise<Engine> {
  const tf = loadTfjs();
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
