import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { engineDirectory, readEngineManifest } from '../../main/engine/engine-directory.ts';
import { checkGpuDevice, explainMissingGpu, gatherGpuFacts, gpuEnvironment, type GpuFacts } from '../../main/engine/gpu-device.ts';
import type { TensorFlowBinding } from '../../main/engine/tensorflow-engine.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { EngineInfo } from '../../shared/contract/engines.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** There was no NVIDIA GPU where this was written: a stand-in for the addon says that it has one, in real processes. */

const folder = useTemporaryFolder();
afterEach(() => vi.unstubAllEnvs());

describe('the environment of a process that loads TensorFlow for GPUs', () => {
  const manifest = { tensorflowVersion: '2.21.0', addonPath: '/a', libraryFolders: ['/e/cublas/lib', '/e/cudnn/lib'] };

  it('has the libraries, one GPU, memory as needed and full precision', () => {
    expect(gpuEnvironment(manifest, {})).toEqual({
      LD_LIBRARY_PATH: '/e/cublas/lib:/e/cudnn/lib',
      CUDA_VISIBLE_DEVICES: '0',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      NVIDIA_TF32_OVERRIDE: '0',
    });
  });

  it('keeps what the user has set, and of several GPUs the first', () => {
    const user = {
      LD_LIBRARY_PATH: '/usr/cuda',
      CUDA_VISIBLE_DEVICES: '2,3',
      TF_FORCE_GPU_ALLOW_GROWTH: 'false',
      NVIDIA_TF32_OVERRIDE: '1',
    };
    expect(gpuEnvironment(manifest, user)).toEqual({
      ...user,
      LD_LIBRARY_PATH: '/e/cublas/lib:/e/cudnn/lib:/usr/cuda',
      CUDA_VISIBLE_DEVICES: '2',
    });
    expect(gpuEnvironment(manifest, { CUDA_VISIBLE_DEVICES: '' }).CUDA_VISIBLE_DEVICES).toBe('');
  });
});

describe('why there is no GPU', () => {
  const works: GpuFacts = { visibleDevices: '0', hasDriver: true, driverVersion: '560.35.03', missingLibraries: [] };
  it.each<[string, Partial<GpuFacts>, RegExp, RegExp]>([
    ['hidden by the user', { visibleDevices: '' }, /CUDA_VISIBLE_DEVICES hides/, /Unset/],
    ['hidden by a negative number', { visibleDevices: '-1' }, /CUDA_VISIBLE_DEVICES hides/, /Unset/],
    ['no driver', { hasDriver: false, driverVersion: null }, /no GPU device: NVIDIA's driver is not installed/, /Install/],
    ['an old driver', { driverVersion: '470.82.01' }, /driver 470\.82\.01, too old/, /525/],
    ['a driver of last year with fewer digits', { driverVersion: '525.60' }, /too old/, /525/],
    ['libraries that do not load', { missingLibraries: ['libcudnn.so.9'] }, /cannot be loaded: libcudnn\.so\.9/, /setup -- --gpu/],
    ['a driver that does not tell its version', { driverVersion: null }, /TensorFlow lists none/, /nvidia-smi/],
    ['nothing that can be seen', {}, /TensorFlow lists none/, /nvidia-smi/],
  ])('%s', (_, facts, found, hint) => {
    const reason = explainMissingGpu({ ...works, ...facts });
    expect(reason.found).toMatch(found);
    expect(reason.hint).toMatch(hint);
  });

  it('is looked for on the machine: a library that is there loads, one that is not does not', () => {
    expect(gatherGpuFacts({ CUDA_VISIBLE_DEVICES: '3' }, (name) => name !== 'libcudnn.so.9')).toMatchObject({
      visibleDevices: '3',
      hasDriver: true,
      missingLibraries: ['libcudnn.so.9'],
    });
    expect(gatherGpuFacts({}, () => false)).toMatchObject({ hasDriver: false, missingLibraries: [] });
  });
});

describe('the check of a device', () => {
  /** Keeps values as they are and casts to bfloat16 with the rounding given, by arithmetic rather than by bits. */
  function binding(isUsingGpu: boolean, round: (value: number) => number): TensorFlowBinding & { live: Map<number, Float32Array> } {
    const live = new Map<number, Float32Array>();
    const keep = (values: Float32Array): number => (live.set(live.size, values), live.size - 1);
    const spacing = (value: number): number => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7); // of numbers with 8 bits
    return {
      live,
      TF_FLOAT: 1,
      TF_ATTR_TYPE: 2,
      isUsingGpuDevice: () => isUsingGpu,
      createTensor: (_shape: number[], _dtype: number, values: Float32Array) => keep(values),
      deleteTensor: (id: number) => void live.set(id, new Float32Array()),
      tensorDataSync: (id: number) => live.get(id)!.slice(),
      executeOp: (_name: string, _attributes: unknown, [id]: number[]) => {
        const values = live.get(id!)!.map((value) => (value === 0 ? 0 : round(value / spacing(value)) * spacing(value)));
        return [{ id: keep(values), shape: [values.length], dtype: 1 }];
      },
    } as unknown as TensorFlowBinding & { live: Map<number, Float32Array> };
  }
  const toEven = (value: number): number => {
    const below = Math.floor(value);
    if (value - below === 0.5) return below % 2 === 0 ? below : below + 1;
    return Math.round(value);
  };
  const facts = (): GpuFacts => ({ visibleDevices: '0', hasDriver: false, driverVersion: null, missingLibraries: [] });

  it('passes one that rounds to nearest even, and leaves no tensor', () => {
    const device = binding(true, toEven);
    expect(() => checkGpuDevice(device, facts)).not.toThrow();
    expect([...device.live.values()].every(({ length }) => length === 0)).toBe(true);
  });

  it.each([
    ['cuts', Math.trunc],
    ['rounds ties up', Math.round],
    ['does not round', (value: number) => value],
  ])('refuses one that %s', (_, round) => {
    expect(() => checkGpuDevice(binding(true, round), facts)).toThrow(/bfloat16/);
  });

  it('refuses one that computes on the processor, with the reason', () => {
    expect(() => checkGpuDevice(binding(false, toEven), facts)).toThrow(
      expect.objectContaining({ code: 'ENGINE', found: expect.stringContaining('no GPU device') as string }) as Error,
    );
  });
});

const cpu = await readEngineManifest(engineDirectory());

describe.skipIf(cpu === null)(`an addon that says it has a GPU${cpu ? '' : ' (not here: TensorFlow has not been set up)'}`, () => {
  /** TensorFlow for the processor under another name, with faults: `body` may use `real`, the addon, and `executeOp`, its own. */
  async function examine(body: string, selfTestLimitMs = 30_000): Promise<{ selected: string | null; gpu: EngineInfo; cpu: EngineInfo }> {
    const addonPath = await folder.write(
      'addon.cjs',
      `const real = require(${JSON.stringify(cpu!.addonPath)});
       const executeOp = real.executeOp.bind(real);
       const changed = { isUsingGpuDevice: () => true };
       ${body}
       module.exports = new Proxy({}, {
         get: (_, key) => changed[key] ?? (typeof real[key] === 'function' ? real[key].bind(real) : real[key]),
       });`,
    );
    const manifest = { tensorflowVersion: '2.21.0', addonPath, libraryFolders: [join(folder.path, 'cuda')] };
    await folder.write('engine-gpu.json', JSON.stringify(manifest));
    await copyFile(join(engineDirectory(), 'engine.json'), join(folder.path, 'engine.json'));
    const { selected, engines } = await new ProcessExecutor({ engineDirectory: folder.path, selfTestLimitMs }).selectEngine();
    const named = (name: string): EngineInfo => engines.find((engine) => engine.name === name)!;
    return { selected, gpu: named('tensorflow-gpu'), cpu: named('tensorflow-cpu') };
  }

  it('is preferred once it has passed, in a process with the environment that CUDA needs', async () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1,0');
    const record = join(folder.path, 'environment.json');
    const { selected, gpu } = await examine(`require('fs').writeFileSync(${JSON.stringify(record)}, JSON.stringify(process.env));`);
    expect(gpu).toMatchObject({
      available: true,
      reason: 'Passed its self-test.',
      version: 'TensorFlow 2.21.0',
      selfTest: { passed: true },
    });
    expect(selected).toBe('tensorflow-gpu');
    const environment = JSON.parse(await readFile(record, 'utf8')) as Record<string, string>;
    expect(environment).toMatchObject({ CUDA_VISIBLE_DEVICES: '1', TF_FORCE_GPU_ALLOW_GROWTH: 'true', STRATA_ENGINE_DIR: folder.path });
    expect(environment.LD_LIBRARY_PATH!.split(':')[0]).toBe(join(folder.path, 'cuda'));
  });

  it.each<[string, string, RegExp]>([
    ['lists no device', 'changed.isUsingGpuDevice = () => false;', /found no GPU[^]*(no GPU device|cannot be loaded|too old)/],
    [
      'has a kernel that gives wrong numbers',
      `changed.executeOp = (name, attributes, inputs, outputs) => {
         const results = executeOp(name, attributes, inputs, outputs);
         return name === 'Softmax' ? executeOp('Sqrt', attributes, [results[0].id], 1) : results;
       };`,
      /^Failed its self-test: an error of 0\.\d+ in .*(softmax|training step)/,
    ],
    [
      'has a kernel that gives no numbers',
      `changed.executeOp = (name, attributes, inputs, outputs) => {
         const results = executeOp(name, attributes, inputs, outputs);
         return name === 'TensorScatterAdd' ? executeOp('Log', attributes.slice(0, 1), [executeOp('Neg', attributes.slice(0, 1), [executeOp('Square', attributes.slice(0, 1), [results[0].id], 1)[0].id], 1)[0].id], 1) : results;
       };`,
      /^Failed its self-test: an error of Infinity in scatter/,
    ],
    [
      'refuses an operation',
      `changed.executeOp = (name, ...rest) => {
         if (name === 'BatchMatMulV2') throw new Error('CUBLAS_STATUS_NOT_SUPPORTED');
         return executeOp(name, ...rest);
       };`,
      /CUBLAS_STATUS_NOT_SUPPORTED/,
    ],
    ['ends its process', `process.kill(process.pid, 'SIGSEGV');`, /SIGSEGV/],
    ['does not load', `throw new Error('libcudart.so.12: cannot open shared object file');`, /could not be loaded\.[^]*libcudart/],
  ])('falls back when it %s, and says why', async (_, body, reason) => {
    const { selected, gpu } = await examine(body);
    expect(gpu.available).toBe(false);
    expect(gpu.reason).toMatch(reason);
    expect(selected).toBe('tensorflow-cpu');
  });

  it('falls back when it never answers', async () => {
    const { selected, gpu, cpu } = await examine('while (true);', 5_000);
    expect(gpu).toMatchObject({ available: false, reason: 'Its self-test did not end within 5 seconds.', selfTest: null });
    expect(cpu.available).toBe(true);
    expect(selected).toBe('tensorflow-cpu');
  });
});
