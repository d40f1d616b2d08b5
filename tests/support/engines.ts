import { engineDirectory, readEngineManifest } from '../../main/engine/engine-directory.ts';
import type { EngineName } from '../../main/engine/load-engine.ts';

/** Engines that can be tested on this machine; TensorFlow only where the set-up could build it. */
export const engineNames: EngineName[] =
  (await readEngineManifest(engineDirectory())) === null ? ['wasm', 'cpu'] : ['tensorflow-cpu', 'wasm', 'cpu'];

/** The fastest of them. */
export const fastEngine = engineNames[0]!;
