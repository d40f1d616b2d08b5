import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { TrainResult } from '../../main/training/messages.ts';
import { CONFORMANCE_CASES, errorOf } from '../support/conformance.ts';
import { missingSoftwareGpu, softwareGpuEnvironment, useSoftwareGpu } from '../support/software-gpu.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { prepareTinyTraining } from '../support/train-jobs.ts';

/** What the backend does not show in its types: where the commands go. */
interface Backend {
  device: GPUDevice;
  readSync: (id: object) => unknown;
}
const backend = (): Backend => tf.backend() as unknown as Backend;
const load = (): Promise<Engine> => loadEngine('webgpu', 'no folder is needed');
const values = (engine: Engine, ...numbers: number[]): ReturnType<Engine['tensor']> =>
  engine.tensor(Float32Array.from(numbers), [numbers.length]);

const folder = useTemporaryFolder();

describe.skipIf(missingSoftwareGpu !== null)(`webgpu${missingSoftwareGpu ? ` (not here: ${missingSoftwareGpu})` : ''}`, () => {
  beforeEach(() => useSoftwareGpu());
  afterEach(() => vi.unstubAllEnvs());

  it('asks for the limits of the adapter and computes small tensors on it too', async () => {
    const engine = await load();
    const { device } = backend();
    expect(device.limits.maxStorageBuffersPerShaderStage).toBeGreaterThan(8); // what a device has when it is not asked
    expect(device.limits.maxBufferSize).toBeGreaterThan(256 * 2 ** 20);
    const submit = vi.spyOn(device.queue, 'submit');
    expect(await engine.read(engine.add(values(engine, 1, 2), values(engine, 3, 4)))).toEqual(Float32Array.of(4, 6));
    expect(submit).toHaveBeenCalled();
  });

  it('never reads values back in the middle of an operation, which this backend cannot do', async () => {
    const engine = await load();
    const readSync = vi.spyOn(backend(), 'readSync');
    for (const each of CONFORMANCE_CASES) await errorOf(engine, each);
    expect(readSync).not.toHaveBeenCalled();
  });

  it('a command that the device refuses fails what is read from then on', async () => {
    const engine = await load();
    // More inputs than a shader binds buffers: the backend goes on with whatever the output buffer held.
    const sum = tf.addN(Array.from({ length: 40 }, () => tf.ones([4])));
    expect(sum.shape).toEqual([4]);
    for (let time = 0; time < 2; time++) {
      await expect(engine.read(values(engine, 1))).rejects.toMatchObject({
        code: 'ENGINE',
        found: expect.stringContaining('storage buffers') as string,
        hint: expect.stringContaining('checkpoint') as string,
      });
    }
  });

  it('a lost device fails a reading instead of hanging', async () => {
    const engine = await load();
    const sum = engine.add(values(engine, 1), values(engine, 2));
    backend().device.destroy();
    await expect(engine.read(sum)).rejects.toMatchObject({ code: 'ENGINE', found: expect.stringContaining('lost') as string });
  });

  it('is not chosen where a processor plays the GPU, unless a variable says so', async () => {
    for (const [name, value] of Object.entries(softwareGpuEnvironment)) vi.stubEnv(name, value);
    const { selected, engines } = await new ProcessExecutor({ engineDirectory: folder.path }).selectEngine();
    const webgpu = engines.find(({ name }) => name === 'webgpu');
    expect(selected).toBe('wasm');
    expect(webgpu).toMatchObject({
      available: false,
      selfTest: { passed: true },
      version: expect.stringContaining('SwiftShader') as string,
    });
    expect(webgpu!.reason).toContain('played by the processor');

    vi.stubEnv('STRATA_SOFTWARE_GPU', '1');
    expect((await new ProcessExecutor({ engineDirectory: folder.path }).selectEngine()).selected).toBe('webgpu');
  });

  it('says so where there is no GPU at all', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', '/nowhere/driver.json');
    const { engines } = await new ProcessExecutor({ engineDirectory: folder.path }).selectEngine();
    expect(engines.find(({ name }) => name === 'webgpu')).toMatchObject({
      available: false,
      selfTest: null,
      reason: expect.stringContaining('No GPU that WebGPU can use') as string,
    });
  });

  it('trains as the cpu engine does, by name, in a process that ends', async () => {
    for (const [name, value] of Object.entries(softwareGpuEnvironment)) vi.stubEnv(name, value);
    const tiny = await prepareTinyTraining();
    const run = async (engine: 'webgpu' | 'cpu'): Promise<TrainResult> =>
      (await new ProcessExecutor().start(tiny.job(engine, { engine, steps: 2, evaluation: { everySteps: 2, tokens: 40 } }), () => undefined)
        .finished) as TrainResult;
    const [onGpu, onCpu] = [await run('webgpu'), await run('cpu')];
    await tiny.remove();
    expect(onGpu.final!.new.loss).toBeCloseTo(onCpu.final!.new.loss, 4);
  });

  it('does not keep a process alive', () => {
    const source = `import { loadEngine } from ${JSON.stringify(pathToFileURL('main/engine/load-engine.ts').href)};
      globalThis.engine = await loadEngine('webgpu', '');
      console.log((await engine.read(engine.ones([2])))[1]);`;
    const options = { env: { ...process.env, ...softwareGpuEnvironment }, encoding: 'utf8', timeout: 30_000 } as const;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', source], options);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
  });
});
