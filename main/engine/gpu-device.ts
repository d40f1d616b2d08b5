import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import type { EngineManifest } from './engine-directory.ts';
import type { TensorFlowBinding } from './tensorflow-engine.ts';

/** TensorFlow on an NVIDIA GPU: what its process needs in the environment, whether it got a device, and why not. */

/** The oldest driver that runs CUDA 12 (NVIDIA's table of minor version compatibility). */
const OLDEST_DRIVER = '525.60.13';

/** What TensorFlow opens by name when it looks for GPUs; without one of them it computes on the processor and says so in its log only. */
const CUDA_LIBRARIES = [
  'libcudart.so.12',
  'libcublas.so.12',
  'libcublasLt.so.12',
  'libcufft.so.11',
  'libcusolver.so.11',
  'libcusparse.so.12',
  'libcudnn.so.9',
];

/** TensorFlow's code for bfloat16, which the addon does not name. */
const BFLOAT16 = 14;

/**
 * Environment of a process that is going to load TensorFlow for GPUs; the loader and TensorFlow read it when they start. One GPU: with several,
 * the addon puts tensors on the last and TensorFlow operations on the first. What the user has set is kept.
 */
export function gpuEnvironment(manifest: EngineManifest, environment: NodeJS.ProcessEnv): Record<string, string> {
  const libraryPath = [...manifest.libraryFolders, environment.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return {
    ...(libraryPath && { LD_LIBRARY_PATH: libraryPath }),
    CUDA_VISIBLE_DEVICES: (environment.CUDA_VISIBLE_DEVICES ?? '0').split(',', 1)[0]!.trim(),
    // Memory as it is needed; TensorFlow would take the whole GPU.
    TF_FORCE_GPU_ALLOW_GROWTH: environment.TF_FORCE_GPU_ALLOW_GROWTH ?? 'true',
    // Products in float32, as everywhere else; by default newer GPUs round their factors to 10 bits.
    NVIDIA_TF32_OVERRIDE: environment.NVIDIA_TF32_OVERRIDE ?? '0',
  };
}

/** What is known of a machine where TensorFlow found no GPU. */
export interface GpuFacts {
  /** CUDA_VISIBLE_DEVICES of the process. */
  visibleDevices: string | undefined;
  hasDriver: boolean;
  /** Version of the kernel's driver, null when it does not tell. */
  driverVersion: string | null;
  /** CUDA's libraries that do not load. */
  missingLibraries: readonly string[];
}

/** Looks at the machine. `canLoad` says whether the loader finds a shared library and all that it needs. */
export function gatherGpuFacts(environment: NodeJS.ProcessEnv = process.env, canLoad = canLoadLibrary): GpuFacts {
  const hasDriver = canLoad('libcuda.so.1');
  return {
    visibleDevices: environment.CUDA_VISIBLE_DEVICES,
    hasDriver,
    driverVersion: readDriverVersion(),
    missingLibraries: hasDriver ? CUDA_LIBRARIES.filter((name) => !canLoad(name)) : [],
  };
}

/** Why TensorFlow has no GPU, the first cause first. */
export function explainMissingGpu(facts: GpuFacts): { found: string; hint: string } {
  const { visibleDevices, hasDriver, driverVersion, missingLibraries } = facts;
  if (visibleDevices === '' || visibleDevices?.startsWith('-')) {
    return { found: 'no GPU device: CUDA_VISIBLE_DEVICES hides all of them', hint: 'Unset CUDA_VISIBLE_DEVICES, or name a GPU in it.' };
  }
  if (!hasDriver) {
    return {
      found: "no GPU device: NVIDIA's driver is not installed (libcuda.so.1)",
      hint: "Install NVIDIA's driver, if there is such a GPU.",
    };
  }
  if (driverVersion !== null && isOlder(driverVersion, OLDEST_DRIVER)) {
    return { found: `driver ${driverVersion}, too old for CUDA 12`, hint: `Install NVIDIA's driver ${OLDEST_DRIVER} or later.` };
  }
  if (missingLibraries.length > 0) {
    const found = `libraries that cannot be loaded: ${missingLibraries.join(', ')}`;
    return { found, hint: 'Run "npm run setup -- --gpu" again.' };
  }
  return {
    found: 'no GPU device: the driver and the libraries load, but TensorFlow lists none',
    hint: 'See what "nvidia-smi" lists; TensorFlow 2.21 needs a GPU of compute capability 6.0 or later.',
  };
}

/**
 * Checks that a loaded TensorFlow computes on a GPU and that values pass through bfloat16 as they should (nearest, ties to even); everything
 * else is the self-test's matter.
 * @throws StrataError ENGINE with the reason
 */
export function checkGpuDevice(binding: TensorFlowBinding, facts: () => GpuFacts = gatherGpuFacts): void {
  if (!binding.isUsingGpuDevice()) throw new StrataError('ENGINE', 'TensorFlow found no GPU that it can use.', explainMissingGpu(facts()));
  const values = Float32Array.of(1, 1.00390625, 1.01171875, -3.1415927, 1e-3, 65504, 0);
  const cast = (id: number, from: number, to: number): number => {
    const type = (name: string, value: number): { name: string; type: number; value: number } => ({
      name,
      type: binding.TF_ATTR_TYPE,
      value,
    });
    const truncate = { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false };
    const [result] = binding.executeOp('Cast', [type('SrcT', from), type('DstT', to), truncate], [id], 1);
    return result!.id;
  };
  const input = binding.createTensor([values.length], binding.TF_FLOAT, values.slice());
  const half = cast(input, binding.TF_FLOAT, BFLOAT16);
  const back = cast(half, BFLOAT16, binding.TF_FLOAT);
  const found = binding.tensorDataSync(back);
  for (const id of [input, half, back]) binding.deleteTensor(id);
  const wrong = values.findIndex((value, index) => found[index] !== roundToBfloat16(value));
  if (wrong >= 0) {
    throw new StrataError('ENGINE', 'The GPU rounds to bfloat16 wrongly.', {
      found: `${values[wrong]} became ${found[wrong]}`,
      allowed: String(roundToBfloat16(values[wrong]!)),
      hint: 'Update the driver; until then use "--engine tensorflow-cpu".',
    });
  }
}

/** Upper half of the bits of a float32, rounded to nearest, ties to even. */
function roundToBfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

/** Node can load addons only: a library that is no addon loads, and then it complains about that. */
function canLoadLibrary(name: string): boolean {
  try {
    process.dlopen({ exports: {} }, name, constants.dlopen.RTLD_LAZY);
    return true;
  } catch (error) {
    return error instanceof Error && error.message.includes('did not self-register');
  }
}

function readDriverVersion(): string | null {
  try {
    return /Kernel Module\s.*?(\d+\.\d+(\.\d+)?)/.exec(readFileSync('/proc/driver/nvidia/version', 'utf8'))?.[1] ?? null;
  } catch {
    return null; // no such driver, or Windows' one seen from a Linux inside it
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}
