import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs';
import type * as tfjsWebGpu from '@tensorflow/tfjs-backend-webgpu';
import { StrataError } from '../../shared/errors.ts';
import type { Tensor } from './engine.ts';
import { TfjsEngine } from './tfjs-engine.ts';

const require = createRequire(import.meta.url);

/** What a device offers by default is what a telephone has; these are asked for as high as the adapter goes. */
const RAISED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

const RESUME_HINT = 'A training run resumes from its last checkpoint; "--engine tensorflow-cpu" or "--engine wasm" do without the GPU.';

/**
 * TensorFlow.js's `webgpu` backend on Dawn, in a plain Node process: for GPUs that TensorFlow cannot use. WebGPU reports a wrong command after
 * the fact and hands out the old contents of a buffer meanwhile, so {@link read} looks before it believes.
 */
export class WebGpuEngine extends TfjsEngine {
  /** A processor that plays a GPU: right, and slower than wasm. */
  readonly isSoftware: boolean;
  /** Held for as long as the engine: Dawn takes everything down when its entry object is collected, devices in use too. */
  readonly dawn: unknown;
  readonly #failure: () => StrataError | null;

  /** @param failure what has gone wrong on the device since it was opened, null while nothing has */
  constructor(tf: typeof tfjs, adapter: { name: string; isSoftware: boolean; dawn: unknown }, failure: () => StrataError | null) {
    super(tf, 'webgpu', adapter.name);
    this.isSoftware = adapter.isSoftware;
    this.dawn = adapter.dawn;
    this.#failure = failure;
  }

  /** @throws StrataError ENGINE when a command since the last reading was refused or the device is lost: no value can be trusted then */
  override async read(tensor: Tensor): Promise<Float32Array | Int32Array> {
    let values: Float32Array | Int32Array;
    try {
      values = await super.read(tensor);
    } catch (error) {
      throw this.#failure() ?? deviceFailure(error instanceof Error ? error.message : String(error));
    }
    const failure = this.#failure();
    if (failure) throw failure;
    return values;
  }
}

/**
 * Opens the GPU of this machine through Dawn and registers the backend on it: the backend's own registration asks for too few limits and only
 * prints what the device complains about. Called once in a process.
 * @throws StrataError ENGINE when there is no driver or no adapter
 */
export async function loadWebGpu(tf: typeof tfjs): Promise<WebGpuEngine> {
  const { create, globals } = await import('webgpu');
  // TensorFlow.js expects a browser's names; its backend asks for navigator.gpu only when it is made.
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new StrataError('ENGINE', 'No GPU that WebGPU can use was found.', {
      found: 'Dawn lists no adapter',
      hint: process.platform === 'linux' ? "Install the graphics driver's Vulkan part and libvulkan1." : 'Update the graphics driver.',
    });
  }
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  let failure: StrataError | null = null;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault(); // it is thrown, not printed
    failure ??= deviceFailure(event.error.message);
  });
  void device.lost.then(({ reason, message }) => (failure ??= deviceFailure(`the device was lost (${reason}): ${message}`)));

  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  try {
    const { WebGPUBackend } = require('@tensorflow/tfjs-backend-webgpu') as typeof tfjsWebGpu;
    const backend = new WebGPUBackend(device, adapter.info);
    tf.removeBackend('webgpu'); // the backend's own registration, should the import have made one
    tf.registerBackend('webgpu', () => backend);
  } finally {
    // Dawn keeps a process alive for as long as this leads to it.
    Reflect.deleteProperty(globalThis.navigator, 'gpu');
  }
  // Else small tensors are computed on the processor: another rounding, and a self-test that never reaches the GPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  if (!(await tf.setBackend('webgpu'))) throw deviceFailure('TensorFlow.js refused the device');
  const { description, vendor, architecture, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(' ');
  return new WebGpuEngine(
    tf,
    { name, dawn: gpu, isSoftware: isFallbackAdapter || SOFTWARE.test(`${name} ${architecture}`) },
    () => failure,
  );
}

/** Mesa's and Google's drivers that compute on the processor; not every one says so of itself. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

function deviceFailure(found: string): StrataError {
  return new StrataError('ENGINE', 'The GPU reported an error; what it computes since then cannot be trusted.', {
    found: found.trim().slice(0, 500),
    hint: RESUME_HINT,
  });
}
