import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

/** Chromium brings a Vulkan driver that computes on the processor (SwiftShader), and the loader that finds drivers. */
const FOLDERS = [process.env.STRATA_CHROMIUM && dirname(process.env.STRATA_CHROMIUM), '/usr/lib/chromium', '/usr/lib/chromium-browser'];
const DRIVER = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';

const folder = FOLDERS.find((each) => each && [DRIVER, LOADER].every((name) => existsSync(join(each, name))));

/** Why there is no software GPU here, or null. */
export const missingSoftwareGpu = folder ? null : `no Chromium with ${DRIVER} and ${LOADER} was found (Debian: apt-get install chromium)`;

/** Environment of a child process whose WebGPU is to be the software GPU. */
export const softwareGpuEnvironment: Record<string, string> = folder
  ? { VK_ICD_FILENAMES: join(folder, DRIVER), LD_LIBRARY_PATH: folder }
  : {};

/** The loader stays loaded although it is no addon (glibc's RTLD_NODELETE, which Node does not name). */
const STAY_LOADED = 0x1000;

/** Makes the software GPU the one that WebGPU finds in this process. Before WebGPU is first used. */
export function useSoftwareGpu(): void {
  if (!folder) throw new Error(missingSoftwareGpu!);
  Object.assign(process.env, { VK_ICD_FILENAMES: softwareGpuEnvironment.VK_ICD_FILENAMES });
  try {
    // The loader is looked for by name where LD_LIBRARY_PATH pointed when the process started; one that is loaded already is found anyway.
    process.dlopen({ exports: {} }, join(folder, LOADER), constants.dlopen.RTLD_LAZY | STAY_LOADED);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('did not self-register'))) throw error;
  }
}
