import type { EngineInfo } from '../../shared/contract/engines.ts';
import { words } from '../../shared/words/words.ts';
import { type EngineName, loadEngine } from './load-engine.ts';
import { selfTest } from './self-test.ts';
import { WebGpuEngine } from './webgpu-engine.ts';

/** Lets `auto` choose a GPU that a processor plays: for tests, where there is no other. */
const SOFTWARE_GPU = 'STRATA_SOFTWARE_GPU';

/**
 * Loads and tests one engine. A broken library may end the process, so it is one of its own.
 * @returns whether `auto` may choose it, and why (not)
 * @throws StrataError ENGINE when it does not load
 */
export async function examineEngine(name: EngineName, directory: string): Promise<EngineInfo> {
  const engine = await loadEngine(name, directory);
  const { worst, ...result } = await selfTest(engine);
  const info = { name, available: result.passed, version: engine.version, selfTest: result };
  if (!result.passed) return { ...info, reason: words('said.engineFailed', { error: String(result.largestError), worst: String(worst) }) };
  if (engine instanceof WebGpuEngine && engine.isSoftware && process.env[SOFTWARE_GPU] !== '1') {
    return {
      ...info,
      available: false,
      reason: words('said.engineSlow'),
    };
  }
  return { ...info, reason: words('said.enginePassed') };
}
