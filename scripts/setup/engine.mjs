import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCompiler, findPip } from './find-tools.mjs';
import { withLock } from './lock.mjs';
import { engineDirectory, findNode24, projectRoot } from './paths.mjs';
import { megabytes, secondsSince, SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { isWanted, readWheelEntries, readWheelRecord, sha256, unpackedPath, unpackEntry } from './wheel.mjs';

/**
 * TensorFlow for the product: the C library out of TensorFlow's own wheel, and the addon of @tensorflow/tfjs-node-gpu compiled
 * against it. What it leaves in the engine folder (STRATA_ENGINE_DIR, else `strata/engine` in the cache folder of the
 * operating system):
 *
 *   engine.json                 the manifest below; written last, so its presence means that everything works
 *   tensorflow-2.21.0/          libraries, headers, LICENSE, library.json (their sizes) and tfjs_binding.node
 *   unavailable.json            instead of engine.json: {reason, advice, recipe, at} of the last attempt that could not go on
 *   .work/, .lock               only while a set-up runs, or after one was interrupted
 *
 * engine.json = {
 *   "tensorflowVersion": "2.21.0",                       as the library itself reports it
 *   "addonPath": "/…/tensorflow-2.21.0/tfjs_binding.node", absolute; its rpath finds the libraries beside it
 *   "builtWith": {"recipe", "compiler", "platform", "node", "wheelSha256", "wheelVerifiedBy": "table"|"pip", "builtAt"},
 *   "selfTest": {"passed": true, "largestError", "durationMs"}
 * }
 * @typedef {{ tensorflowVersion: string, addonPath: string, builtWith: Record<string, string>, selfTest: Record<string, unknown> }} EngineManifest
 * @typedef {{ package: string, pipPlatform: string, sizeBytes: number | null, sha256: string | null, libraries: string[] }} WheelSource
 */

const wheels = JSON.parse(readFileSync(new URL('./tensorflow-wheels.json', import.meta.url), 'utf8'));
const bindingFolder = join(projectRoot, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'binding');

/** Unpacked size of the libraries for linux x64; others are near it. */
const UNPACKED_BYTES = 854_000_000;
/** A shell that runs many commands in a row should not wait for the same failing download before each of them. */
const RETRY_AFTER_MS = 24 * 3_600_000;
/** Without oneDNN's kernels matrix products are several times slower on some machines; the test runs what the product runs. */
const TEST_ENVIRONMENT = { TF_ENABLE_ONEDNN_OPTS: '1', TF_CPP_MIN_LOG_LEVEL: '2' };

/**
 * Makes sure that the engine is there. Fast when it is.
 * @param {import('./report.mjs').Report} report
 * @param {{ directory?: string, retry?: boolean }} [options] `retry` tries again although the last attempt failed lately
 * @returns {Promise<{ manifest: EngineManifest } | { problem: string }>} `problem` when the product has to run on wasm
 */
export async function ensureEngine(report, { directory = engineDirectory(), retry = false } = {}) {
  const manifest = readReadyManifest(directory);
  if (manifest) {
    report.alreadyDone(`TensorFlow ${manifest.tensorflowVersion} is ready in ${directory}`);
    return { manifest };
  }
  const failed = retry ? null : recentFailure(directory);
  if (failed) {
    report.alreadyDone(`TensorFlow is not set up: ${failed} ("npm run setup" tries again)`);
    return { problem: failed };
  }
  try {
    const onWait = () => report.start('Waiting for another set-up that is building the engine');
    const built = await withLock(
      join(directory, '.lock'),
      onWait,
      async () => readReadyManifest(directory) ?? (await build(directory, report)),
    );
    return { manifest: built };
  } catch (error) {
    const advice = error instanceof SetupProblem ? error.advice : ['Run "npm run setup" to try again.'];
    const reason = error instanceof Error ? error.message : String(error);
    report.note([
      `The fast engine could not be set up: ${reason}`,
      ...advice,
      'Until then Strata works on its wasm engine, which is slower.',
    ]);
    const note = { reason, advice, recipe: recipe(), at: new Date().toISOString() };
    await writeFile(join(directory, 'unavailable.json'), `${JSON.stringify(note, null, 2)}\n`).catch(() => undefined);
    return { problem: reason };
  }
}

/**
 * The manifest if it still holds: same recipe, addon and libraries in place with their sizes, self-test passed.
 * @param {string} directory @returns {EngineManifest | null}
 */
export function readReadyManifest(directory) {
  try {
    const manifest = JSON.parse(readFileSync(join(directory, 'engine.json'), 'utf8'));
    const isReady = manifest.builtWith.recipe === recipe() && manifest.selfTest.passed === true && existsSync(manifest.addonPath);
    return isReady && hasLibrary(join(directory, folderName())) ? manifest : null;
  } catch {
    return null; // absent, half-written or of another version: build it
  }
}

/** What decides whether a build can be used again: TensorFlow's version, how it is unpacked, and the addon's own sources. */
function recipe() {
  const hash = createHash('sha256').update(JSON.stringify(wheels)).update(COMPILE_OPTIONS.join(' '));
  for (const name of ADDON_SOURCES) {
    const path = join(bindingFolder, name);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

const ADDON_SOURCES = ['tfjs_backend.cc', 'tfjs_binding.cc'];
const COMPILE_OPTIONS = ['-std=c++20', '-O2', '-shared', '-fPIC', '-DNAPI_VERSION=8'];
const folderName = () => `tensorflow-${wheels.tensorflowVersion}`;

/** @param {string} directory @returns {string | null} */
function recentFailure(directory) {
  try {
    const { reason, recipe: failedRecipe, at } = JSON.parse(readFileSync(join(directory, 'unavailable.json'), 'utf8'));
    return failedRecipe === recipe() && Date.now() - Date.parse(at) < RETRY_AFTER_MS ? reason : null;
  } catch {
    return null;
  }
}

/** @param {string} directory @param {import('./report.mjs').Report} report @returns {Promise<EngineManifest>} */
async function build(directory, report) {
  /** @type {WheelSource | undefined} */
  const source = wheels.platforms[`${process.platform}-${process.arch}`];
  if (!source) {
    throw new SetupProblem(`TensorFlow ${wheels.tensorflowVersion} offers no C library for ${process.platform} ${process.arch}.`, []);
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
  const folder = join(directory, folderName());
  const work = join(directory, '.work');
  const library = await ensureLibrary(source, folder, work, report);
  const addonPath = await compileAddon(source, folder, compiler, node, report);

  report.start('Testing the engine: a matrix product in a process of its own');
  const { tensorflowVersion, ...selfTest } = await testEngine(node.executable, addonPath);
  report.done(`TensorFlow ${tensorflowVersion} answers, largest error ${Number(selfTest.largestError).toExponential(1)}`);
  const manifest = {
    tensorflowVersion,
    addonPath,
    builtWith: {
      recipe: recipe(),
      compiler: compiler.version,
      platform: `${process.platform}-${process.arch}`,
      node: await nodeVersion(node.executable),
      ...library,
      builtAt: new Date().toISOString(),
    },
    selfTest,
  };
  const path = join(directory, 'engine.json');
  await writeFile(`${path}.partial`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${path}.partial`, path);
  await rm(work, { recursive: true, force: true });
  await rm(join(directory, 'unavailable.json'), { force: true });
  return manifest;
}

/** @param {string} folder @returns {boolean} whether all that was unpacked is still there with its size */
function hasLibrary(folder) {
  try {
    const { files } = JSON.parse(readFileSync(join(folder, 'library.json'), 'utf8'));
    return Object.entries(files).every(([name, sizeBytes]) => statSync(join(folder, name)).size === sizeBytes);
  } catch {
    return false;
  }
}

/**
 * Downloads and unpacks TensorFlow's library unless it is there.
 * @param {WheelSource} source @param {string} folder @param {string} work @param {import('./report.mjs').Report} report
 * @returns {Promise<{ wheelSha256: string, wheelVerifiedBy: string }>}
 */
async function ensureLibrary(source, folder, work, report) {
  if (hasLibrary(folder)) {
    report.alreadyDone("TensorFlow's library is unpacked already");
    const { wheelSha256, wheelVerifiedBy } = JSON.parse(await readFile(join(folder, 'library.json'), 'utf8'));
    return { wheelSha256, wheelVerifiedBy };
  }
  await mkdir(work, { recursive: true });
  await checkFreeSpace(work, source);
  const wheel = await downloadWheel(source, join(work, 'wheel'), report);
  const unpacked = join(work, folderName());
  await unpackWheel(wheel.path, source, unpacked, report);
  /** @type {Record<string, number>} */
  const files = {};
  for (const name of source.libraries) files[name] = (await stat(join(unpacked, name))).size;
  const verified = { wheelSha256: wheel.sha256, wheelVerifiedBy: wheel.verifiedBy };
  await writeFile(join(unpacked, 'library.json'), `${JSON.stringify({ ...verified, files }, null, 2)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(unpacked, folder);
  await rm(wheel.path, { force: true });
  return verified;
}

/** @param {string} work @param {WheelSource} source */
async function checkFreeSpace(work, source) {
  const { bavail, bsize } = await statfs(work);
  const neededBytes = UNPACKED_BYTES + (source.sizeBytes ?? 280_000_000);
  if (bavail * bsize < neededBytes) {
    throw new SetupProblem(`the engine needs ${megabytes(neededBytes)} in ${work}, ${megabytes(bavail * bsize)} are free.`, [
      'Free some space, or set STRATA_ENGINE_DIR to a folder on another disk, then run "npm run setup" again.',
    ]);
  }
}

/**
 * @param {WheelSource} source @param {string} folder @param {import('./report.mjs').Report} report
 * @returns {Promise<{ path: string, sha256: string, verifiedBy: 'table' | 'pip' }>}
 */
async function downloadWheel(source, folder, report) {
  await mkdir(folder, { recursive: true });
  let name = await findWheel(folder);
  if (name) {
    report.start(`Checking the TensorFlow wheel that an earlier set-up fetched`);
  } else {
    await fetchWheel(source, folder, report);
    name = await findWheel(folder);
  }
  if (!name) throw new SetupProblem('pip ended well but left no wheel.', ['Run "npm run setup" again.']);
  const path = join(folder, name);
  const found = await sha256(path);
  if (source.sha256 && found !== source.sha256) {
    await rm(path, { force: true });
    throw new SetupProblem(`the downloaded wheel has sha256 ${found}, expected ${source.sha256}.`, [
      'It was deleted. Run "npm run setup" again; if it happens again, the package index in use serves another file.',
    ]);
  }
  report.done(
    source.sha256 ? 'sha256 verified' : `sha256 ${found} (no entry in our table for this platform: pip has checked it against its index)`,
  );
  return { path, sha256: found, verifiedBy: source.sha256 ? 'table' : 'pip' };
}

/** @param {string} folder @returns {Promise<string | undefined>} */
async function findWheel(folder) {
  return (await readdir(folder)).find((each) => each.endsWith('.whl'));
}

/** @param {WheelSource} source @param {string} folder @param {import('./report.mjs').Report} report */
async function fetchWheel(source, folder, report) {
  const pip = await findPip();
  if (!pip) {
    throw new SetupProblem('neither pip nor uv was found, which fetch the TensorFlow library.', [
      'Install Python 3 with pip (for instance "sudo apt-get install python3-pip"), then run "npm run setup" again.',
    ]);
  }
  const requirement = `${source.package}==${wheels.tensorflowVersion}`;
  const startedAt = Date.now();
  report.start(
    `Fetching TensorFlow's library with pip ${pip.version}: ${requirement}, ${source.sizeBytes ? megabytes(source.sizeBytes) : 'about 270 MB'}`,
  );
  // pip writes into its temporary folder first: pointing that here shows how far it is and keeps it on the disk that was checked.
  const temporary = join(folder, 'pip');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const timer = setInterval(() => {
    void folderBytes(folder).then((bytes) =>
      report.progress(`${megabytes(bytes)}${source.sizeBytes ? ` of ${megabytes(source.sizeBytes)}` : ''}`),
    );
  }, 250);
  // The wheel for one named Python: the library in it is the same for all, and any Python's pip can fetch it.
  const selection = ['--no-deps', '--only-binary=:all:', '--implementation', 'cp', '--abi', `cp${wheels.pythonVersion}`];
  const target = ['--python-version', wheels.pythonVersion, '--platform', source.pipPlatform];
  const quiet = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'];
  const { exitCode, output } = await runCommand(
    pip.command,
    [...pip.args, 'download', ...quiet, ...selection, ...target, '--dest', folder, requirement],
    {
      env: { ...process.env, TMPDIR: temporary, TMP: temporary, TEMP: temporary },
    },
  );
  clearInterval(timer);
  await rm(temporary, { recursive: true, force: true });
  if (exitCode !== 0) {
    throw new SetupProblem(`pip could not fetch ${requirement}:`, [
      ...lastLines(output).map((each) => `  ${each}`),
      'Check the network connection (and the proxy or package index that pip uses), then run "npm run setup" again.',
    ]);
  }
  report.done(`fetched in ${secondsSince(startedAt)}`);
}

/** @param {string} folder @returns {Promise<number>} size of all files in it; files that vanish meanwhile do not count */
async function folderBytes(folder) {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}

/** @param {string} wheel @param {WheelSource} source @param {string} folder @param {import('./report.mjs').Report} report */
async function unpackWheel(wheel, source, folder, report) {
  const entries = await readWheelEntries(wheel);
  const hashes = await readWheelRecord(wheel, entries);
  const wanted = [...source.libraries.map((each) => `tensorflow/${each}`), ...wheels.headers];
  const chosen = entries.filter(({ name }) => isWanted(name, wanted));
  const missing = source.libraries.filter((each) => !chosen.some(({ name }) => name === `tensorflow/${each}`));
  if (missing.length > 0) throw new SetupProblem(`the wheel holds no ${missing.join(' and no ')}.`, []);
  const totalBytes = chosen.reduce((sum, each) => sum + each.sizeBytes, 0);
  const startedAt = Date.now();
  report.start(`Unpacking the library and its headers: ${megabytes(totalBytes)}`);
  let doneBytes = 0;
  for (const entry of chosen) {
    await unpackEntry(wheel, entry, unpackedPath(folder, entry.name, 'tensorflow/'), hashes.get(entry.name), (bytes) => {
      doneBytes += bytes;
      report.progress(`${megabytes(doneBytes)} of ${megabytes(totalBytes)}`);
    });
  }
  report.done(`unpacked and verified in ${secondsSince(startedAt)}`);
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

/** @param {string} node @param {string} addonPath @returns {Promise<{ passed: true, tensorflowVersion: string } & Record<string, unknown>>} */
async function testEngine(node, addonPath) {
  const script = join(projectRoot, 'scripts', 'setup', 'engine-self-test.mjs');
  const env = { ...process.env, ...TEST_ENVIRONMENT };
  const { exitCode, stdout, output, timedOut } = await runCommand(node, [script, addonPath], { env, timeoutMs: 120_000 });
  const result = exitCode === 0 ? JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') : null;
  if (result?.passed === true && result.tensorflowVersion === wheels.tensorflowVersion) return result;
  throw new SetupProblem(`the compiled engine did not pass its test${timedOut ? ' within two minutes' : ''}:`, [
    ...lastLines(output).map((each) => `  ${each}`),
    `Delete ${engineDirectory()} and run "npm run setup" again.`,
  ]);
}

/** @param {string} node */
async function nodeVersion(node) {
  return (await runCommand(node, ['--version'])).stdout.trim();
}
