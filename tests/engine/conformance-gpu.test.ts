import { engineDirectory, readEngineManifest } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { gpuEnvironment } from '../../main/engine/gpu-device.ts';
import { describeConformance } from '../support/engine-conformance.ts';

/** In a process of its own: TensorFlow for GPUs and for the processor cannot be loaded into the same one. */
async function whyMissing(): Promise<string | null> {
  const manifest = await readEngineManifest(engineDirectory(), 'gpu');
  if (!manifest) return 'it has not been set up ("npm run setup -- --gpu")';
  Object.assign(process.env, gpuEnvironment(manifest, process.env));
  return loadEngine('tensorflow-gpu', engineDirectory()).then(
    () => null,
    (error: { message: string; found?: string }) => `${error.message} ${error.found ?? ''}`.trim(),
  );
}

describeConformance('tensorflow-gpu', await whyMissing());
