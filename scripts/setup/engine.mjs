import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findCompiler } from './find-tools.mjs';
import { ensureLibrary, hasLibrary } from './library.mjs';
import { withLock } from './lock.mjs';
import { engineDirectory, findNode24, projectRoot } from './paths.mjs';
import { secondsSince, SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { isWanted } from './wheel.mjs';

/**
 * TensorFlow for the product: the C library out of TensorFlow's own wheel, and the addon of @tensorflow/tfjs-node-gpu compiled
 * against it; on request the same once more for NVIDIA GPUs, with CUDA's libraries out of NVIDIA's wheels. What it leaves in the engine
 * folder (STRATA_ENGINE_DIR, else `strata/engine` in the cache folder of the operating system):
 *
 *   engine.json                 the manifest below; written last, so its presence means that everything works
 *   tensorflow-2.21.0/          libraries, headers, LICENSE, library.json (their sizes) and tfjs_binding.node
 *   unavailable.json            instead of engine.json: {reason, advice, recipe, at} of the last attempt that could not go on
 *   engine-gpu.json, tensorflow-gpu-2.21.0/, unavailable-gpu.json   the same for GPUs; the folder holds the wheels' own folders
 *                               `tensorflow` and `nvidia` side by side, as TensorFlow looks for them
 *   .work*, .lock               only while a set-up runs, or after one was interrupted
 *
 * engine.json = {
 *   "tensorflowVersion": "2.21.0",                       as the library itself reports it
 *   "addonPath": "/…/tensorflow-2.21.0/tfjs_binding.node", absolute; its rpath finds the libraries beside it
 *   "libraryFolders": [],                                what a process must have in LD_LIBRARY_PATH when it starts: CUDA's libraries
 *   "builtWith": {"recipe", "compiler", "platform", "node", "wheelSha256", "wheelVerifiedBy": "table"|"pip", "builtAt"},
 *   "selfTest": {"passed": true, "seesGpu", "largestError", "durationMs"}
 * }
 * @typedef {{ tensorflowVersion: string, addonPath: string, libraryFolders: string[], builtWith: Record<string, string>, selfTest: Record<string, unknown> }} EngineManifest
 * @typedef {{ package: string, pipPlatform: string, sizeBytes: number | null, sha256: string | null, libraries: string[] }} WheelSource
 * @typedef {{ package: string, version: string, pipPlatform: string, sha256: string }} CudaWheel
 * @typedef {{ tensorflowVersion: string, pythonVersion: string, headers: string[], platforms: Record<string, WheelSource>, cuda?: CudaWheel[] }} WheelTable
 * @typedef {{ title: string, suffix: string, table: WheelTable, neededBytes: number, fallback: string }} Variant
 *   `suffix` is in the names of its files and folders; `neededBytes` of disk are taken while it is unpacked, wheels included
 */

/** @param {string} name @returns {WheelTable} */
const readTable = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

/** @type {Variant} */
export const CPU = {
  title: 'TensorFlow',
  suffix: '',
  table: readTable('./tensorflow-wheels.json'),
  neededBytes: 1_130_000_000,
  fallback: 'Until then Strata works on its wasm engine, which is slower.',
};

/** @type {Variant} NVIDIA GPUs: two gigabytes more to fetch, so only on request */
export const GPU = {
  title: 'TensorFlow for NVIDIA GPUs',
  suffix: '-gpu',
  table: readTable('./tensorflow-gpu-wheels.json'),
  neededBytes: 10_000_000_000, // two wheels are 716 and 581 MB alone; unpacked they are about twice as large
  fallback: 'Until then Strata works without TensorFlow on the GPU.',
};

const bindingFolder = join(projectRoot, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'binding');

/** A shell that runs many commands in a row should not wait for the same failing download before each of them. */
const RETRY_AFTER_MS = 24 * 3_600_000;
/** Without oneDNN's kernels matrix products are several times slower on some machines; the test runs what the product runs. */
const TEST_ENVIRONMENT = { TF_ENABLE_ONEDNN_OPTS: '1', TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true' };

/**
 * Makes sure that the engine is there. Fast when it is.
 * @param {import('./report.mjs').Report} report
 * @param {{ directory?: string, retry?: boolean, variant?: Variant }} [options] `retry` tries again although the last attempt failed lately
 * @returns {Promise<{ manifest: EngineManifest } | { problem: string }>} `problem` when the product has to run without it
 */
export async function ensureEngine(report, { directory = engineDirectory(), retry = false, variant = CPU } = {}) {
  const manifest = readReadyManifest(directory, variant);
  if (manifest) {
    report.alreadyDone(`${variant.title} ${manifest.tensorflowVersion} is ready in ${directory}`);
    return { manifest };
  }
  const failed = retry ? null : recentFailure(directory, variant);
  if (failed) {
    report.alreadyDone(`${variant.title} is not set up: ${failed} ("npm run setup" tries again)`);
    return { problem: failed };
  }
  try {
    const onWait = () => report.start('Waiting for another set-up that is building the engine');
    const built = await withLock(
      join(directory, '.lock'),
      onWait,
      async () => readReadyManifest(directory, variant) ?? (await build(directory, variant, report)),
    );
    return { manifest: built };
  } catch (error) {
    const advice = error instanceof SetupProblem ? error.advice : ['Run "npm run setup" to try again.'];
    const reason = error instanceof Error ? error.message : String(error);
    report.note([`${variant.title} could not be set up: ${reason}`, ...advice, variant.fallback]);
    const note = { reason, advice, recipe: recipe(variant), at: new Date().toISOString() };
    await writeFile(failurePath(directory, variant), `${JSON.stringify(note, null, 2)}\n`).catch(() => undefined);
    return { problem: reason };
  }
}

/**
 * The manifest if it still holds: same recipe, addon and libraries in place with their sizes, self-test passed.
 * @param {string} directory @param {Variant} [variant] @returns {EngineManifest | null}
 */
export function readReadyManifest(directory, variant = CPU) {
  try {
    const manifest = JSON.parse(readFileSync(manifestPath(directory, variant), 'utf8'));
    const isReady = manifest.builtWith.recipe === recipe(variant) && manifest.selfTest.passed === true && existsSync(manifest.addonPath);
    return isReady && hasLibrary(join(directory, folderName(variant))) ? manifest : null;
  } catch {
    return null; // absent, half-written or of another version: build it
  }
}

/** What decides whether a build can be used again: TensorFlow's version, how it is unpacked, and the addon's own sources. @param {Variant} variant */
function recipe({ table }) {
  const hash = createHash('sha256').update(JSON.stringify(table)).update(COMPILE_OPTIONS.join(' '));
  for (const name of ADDON_SOURCES) {
    const path = join(bindingFolder, name);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

const ADDON_SOURCES = ['tfjs_backend.cc', 'tfjs_binding.cc'];
const COMPILE_OPTIONS = ['-std=c++20', '-O2', '-shared', '-fPIC', '-DNAPI_VERSION=8'];
/** @param {Variant} variant */
const folderName = ({ suffix, table }) => `tensorflow${suffix}-${table.tensorflowVersion}`;
/** @param {string} directory @param {Variant} variant */
const manifestPath = (directory, { suffix }) => join(directory, `engine${suffix}.json`);
/** @param {string} directory @param {Variant} variant */
const failurePath = (directory, { suffix }) => join(directory, `unavailable${suffix}.json`);

/** @param {string} directory @param {Variant} variant @returns {string | null} */
function recentFailure(directory, variant) {
  try {
    const { reason, recipe: failedRecipe, at } = JSON.parse(readFileSync(failurePath(directory, variant), 'utf8'));
    return failedRecipe === recipe(variant) && Date.now() - Date.parse(at) < RETRY_AFTER_MS ? reason : null;
  } catch {
    return null;
  }
}

/** @param {string} directory @param {Variant} variant @param {import('./report.mjs').Report} report @returns {Promise<EngineManifest>} */
async function build(directory, variant, report) {
  const { table } = variant;
  const source = table.platforms[`${process.platform}-${process.arch}`];
  if (!source) {
    throw new SetupProblem(`there is no ${variant.title} ${table.tensorflowVersion} for ${process.platform} ${process.arch}.`, []);
  }
  const node = findNode24();
  if (!node) throw new SetupProblem('Node 24 is missing.', ['Run "npm run setup" once with a network connection.']);
  // The compiler is looked for first: without it the large download would be of no use.
  const compiler = await findCompiler();
  if (!compiler) {
    throw new SetupProblem('no C++ compiler was found (g++, clang++ or the one named by CXX).', [
      process.platform === 'darwin'
        ? 'Install one with "xcode-select --install",'
        : 'Install one, for instance "sudo apt-get install g++",',
      'then run "npm run setup" again.',
    ]);
  }
  const folder = join(directory, folderName(variant));
  const work = join(directory, `.work${variant.suffix}`);
  const library = await ensureLibrary(libraryOf(variant, source), folder, work, report);
  const libraryFolders = table.cuda ? await cudaFolders(folder) : [];
  const tensorflowFolder = table.cuda ? join(folder, 'tensorflow') : folder;
  const addonPath = await compileAddon(source, tensorflowFolder, compiler, node, report);

  report.start('Testing the engine: a matrix product in a process of its own');
  const { tensorflowVersion, ...selfTest } = await testEngine(node.executable, addonPath, libraryFolders, table);
  report.done(`TensorFlow ${tensorflowVersion} answers, largest error ${Number(selfTest.largestError).toExponential(1)}`);
  if (table.cuda && !selfTest.seesGpu) {
    report.note(['TensorFlow sees no GPU on this machine and computes on the processor.', '"npm run -s strata -- engine" says why.']);
  }
  const manifest = {
    tensorflowVersion,
    addonPath,
    libraryFolders,
    builtWith: {
      recipe: recipe(variant),
      compiler: compiler.version,
      platform: `${process.platform}-${process.arch}`,
      node: await nodeVersion(node.executable),
      ...library,
      builtAt: new Date().toISOString(),
    },
    selfTest,
  };
  const path = manifestPath(directory, variant);
  await writeFile(`${path}.partial`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${path}.partial`, path);
  await rm(work, { recursive: true, force: true });
  await rm(failurePath(directory, variant), { force: true });
  return manifest;
}

/** Of NVIDIA's wheels: the libraries, and the licences that they come under. */
const CUDA_FILES = /^nvidia\/\w+\/lib\/\w[\w.-]*\.so(\.\d+)*$|^nvidia_[\w.-]+\.dist-info\/(\w+\/)?licen[cs]e[\w.-]*$/i;

/**
 * What to unpack: TensorFlow's libraries and the headers that the addon includes, for GPUs also every library of NVIDIA's wheels.
 * @param {Variant} variant @param {WheelSource} source @returns {import('./library.mjs').Library}
 */
function libraryOf({ table, neededBytes }, source) {
  const needed = source.libraries.map((each) => `tensorflow/${each}`);
  const tensorflow = {
    wheel: { ...source, version: table.tensorflowVersion, pythonVersion: table.pythonVersion },
    prefix: table.cuda ? '' : 'tensorflow/',
    wanted: (/** @type {string} */ name) => isWanted(name, [...needed, ...table.headers]),
    needed,
  };
  const cuda = (table.cuda ?? []).map((wheel) => ({
    wheel: { ...wheel, pythonVersion: table.pythonVersion },
    prefix: '',
    wanted: (/** @type {string} */ name) => CUDA_FILES.test(name),
    needed: [],
  }));
  return { parts: [tensorflow, ...cuda], neededBytes };
}

/** @param {string} folder @returns {Promise<string[]>} where NVIDIA's libraries were unpacked */
async function cudaFolders(folder) {
  const parts = await readdir(join(folder, 'nvidia'));
  return parts.map((part) => join(folder, 'nvidia', part, 'lib')).filter((each) => existsSync(each));
}

/**
 * @param {WheelSource} source @param {string} folder
 * @param {{ command: string, args: string[], version: string }} compiler @param {{ executable: string, headers: string }} node
 * @param {import('./report.mjs').Report} report @returns {Promise<string>} the addon's path
 */
async function compileAddon(source, folder, compiler, node, report) {
  if (!existsSync(bindingFolder)) throw new SetupProblem('the npm dependencies are not installed.', ['Run "npm run setup".']);
  if (!existsSync(join(node.headers, 'node_api.h'))) {
    throw new SetupProblem(`Node's headers were not found in ${node.headers}.`, ['Delete node_modules and run "npm run setup" again.']);
  }
  const startedAt = Date.now();
  report.start(`Compiling the addon with ${compiler.version}`);
  const addonPath = join(folder, 'tfjs_binding.node');
  const partial = `${addonPath}.partial`;
  const isMac = process.platform === 'darwin';
  // Linked by exact file name: the libraries carry a version in their name and there is no plain one beside it.
  const linked = isMac ? source.libraries.map((each) => join(folder, each)) : source.libraries.map((each) => `-l:${each}`);
  const runPath = isMac ? ['-undefined', 'dynamic_lookup', '-Wl,-rpath,@loader_path'] : ['-Wl,-rpath,$ORIGIN'];
  const includes = [`-I${node.headers}`, `-I${join(folder, 'include')}`];
  const sources = ADDON_SOURCES.map((each) => join(bindingFolder, each));
  const args = [...compiler.args, ...COMPILE_OPTIONS, ...includes, ...sources, '-o', partial, `-L${folder}`, ...linked, ...runPath];
  const { exitCode, output } = await runCommand(compiler.command, args);
  if (exitCode !== 0) {
    throw new SetupProblem(`${compiler.command} could not compile the addon:`, [
      ...lastLines(output, 8).map((each) => `  ${each}`),
      'A compiler that knows C++20 is needed (g++ 10 or clang++ 13, or later); CXX names another one.',
    ]);
  }
  await rename(partial, addonPath);
  report.done(`compiled in ${secondsSince(startedAt)}`);
  return addonPath;
}

/**
 * @param {string} node @param {string} addonPath @param {string[]} libraryFolders @param {WheelTable} table
 * @returns {Promise<{ passed: true, tensorflowVersion: string } & Record<string, unknown>>}
 */
async function testEngine(node, addonPath, libraryFolders, table) {
  const script = join(projectRoot, 'scripts', 'setup', 'engine-self-test.mjs');
  const libraryPath = [...libraryFolders, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  const env = { ...process.env, ...TEST_ENVIRONMENT, ...(libraryFolders.length > 0 && { LD_LIBRARY_PATH: libraryPath }) };
  const { exitCode, stdout, output, timedOut } = await runCommand(node, [script, addonPath], { env, timeoutMs: 120_000 });
  const result = exitCode === 0 ? JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') : null;
  if (result?.passed === true && result.tensorflowVersion === table.tensorflowVersion) return result;
  throw new SetupProblem(`the compiled engine did not pass its test${timedOut ? ' within two minutes' : ''}:`, [
    ...lastLines(output).map((each) => `  ${each}`),
    `Delete ${engineDirectory()} and run "npm run setup" again.`,
  ]);
}

/** @param {string} node */
async function nodeVersion(node) {
  return (await runCommand(node, ['--version'])).stdout.trim();
}
