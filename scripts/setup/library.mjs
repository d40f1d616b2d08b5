import { readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPip } from './find-tools.mjs';
import { megabytes, secondsSince, SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { readWheelEntries, readWheelRecord, sha256, unpackedPath, unpackEntry } from './wheel.mjs';

/**
 * Native libraries out of Python wheels: fetched with the machine's own pip, checked against a sha256 of ours, and of each only what is
 * needed unpacked.
 * @typedef {{ package: string, version: string, pythonVersion: string, pipPlatform: string, sizeBytes?: number | null, sha256: string | null }} Wheel
 * @typedef {{ wheel: Wheel, prefix: string, wanted(name: string): boolean, needed: string[] }} Part
 *   of a library: entries of the wheel that are `wanted` go into its folder less the `prefix` of their names; it is useless without the
 *   `needed` ones
 * @typedef {{ parts: Part[], neededBytes: number }} Library `neededBytes` is what it takes on the disk while it is being unpacked
 * @typedef {{ wheelSha256: string, wheelVerifiedBy: string }} Verified about the first wheel, which gives the library its name
 */

/** @param {string} folder @returns {boolean} whether all that was unpacked is still there with its size */
export function hasLibrary(folder) {
  try {
    const { files } = JSON.parse(readFileSync(join(folder, 'library.json'), 'utf8'));
    return Object.entries(files).every(([name, sizeBytes]) => statSync(join(folder, name)).size === sizeBytes);
  } catch {
    return false;
  }
}

/**
 * Downloads and unpacks a library unless it is there. An interrupted one goes on with the wheels and files that are complete.
 * @param {Library} library @param {string} folder where it ends up @param {string} work a folder beside it, for the time being
 * @param {import('./report.mjs').Report} report
 * @returns {Promise<Verified>}
 */
export async function ensureLibrary(library, folder, work, report) {
  if (hasLibrary(folder)) {
    report.alreadyDone("TensorFlow's library is unpacked already");
    const { wheelSha256, wheelVerifiedBy } = JSON.parse(await readFile(join(folder, 'library.json'), 'utf8'));
    return { wheelSha256, wheelVerifiedBy };
  }
  await mkdir(work, { recursive: true });
  await checkFreeSpace(work, library.neededBytes);
  const unpacked = join(work, 'unpacked');
  /** @type {Record<string, number>} */
  const files = {};
  /** @type {Verified[]} */
  const verified = [];
  for (const part of library.parts) {
    const wheel = await downloadWheel(part.wheel, join(work, part.wheel.package), report);
    for (const name of await unpackWheel(wheel.path, part, unpacked, report)) files[name] = (await stat(join(unpacked, name))).size;
    verified.push({ wheelSha256: wheel.sha256, wheelVerifiedBy: wheel.verifiedBy });
  }
  const [first] = verified;
  if (!first) throw new Error('A library has no parts.');
  await writeFile(join(unpacked, 'library.json'), `${JSON.stringify({ ...first, files }, null, 2)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(unpacked, folder);
  return first;
}

/** @param {string} work @param {number} neededBytes */
async function checkFreeSpace(work, neededBytes) {
  const { bavail, bsize } = await statfs(work);
  if (bavail * bsize < neededBytes) {
    throw new SetupProblem(`the engine needs ${megabytes(neededBytes)} in ${work}, ${megabytes(bavail * bsize)} are free.`, [
      'Free some space, or set STRATA_ENGINE_DIR to a folder on another disk, then run "npm run setup" again.',
    ]);
  }
}

/**
 * @param {Wheel} wheel @param {string} folder of its own @param {import('./report.mjs').Report} report
 * @returns {Promise<{ path: string, sha256: string, verifiedBy: 'table' | 'pip' }>}
 */
async function downloadWheel(wheel, folder, report) {
  await mkdir(folder, { recursive: true });
  let name = await findWheel(folder);
  if (name) {
    report.start(`Checking the wheel of ${wheel.package} that an earlier set-up fetched`);
  } else {
    await fetchWheel(wheel, folder, report);
    name = await findWheel(folder);
  }
  if (!name) throw new SetupProblem('pip ended well but left no wheel.', ['Run "npm run setup" again.']);
  const path = join(folder, name);
  const found = await sha256(path);
  if (wheel.sha256 && found !== wheel.sha256) {
    await rm(path, { force: true });
    throw new SetupProblem(`the downloaded wheel has sha256 ${found}, expected ${wheel.sha256}.`, [
      'It was deleted. Run "npm run setup" again; if it happens again, the package index in use serves another file.',
    ]);
  }
  report.done(
    wheel.sha256 ? 'sha256 verified' : `sha256 ${found} (no entry in our table for this platform: pip has checked it against its index)`,
  );
  return { path, sha256: found, verifiedBy: wheel.sha256 ? 'table' : 'pip' };
}

/** @param {string} folder @returns {Promise<string | undefined>} */
async function findWheel(folder) {
  return (await readdir(folder)).find((each) => each.endsWith('.whl'));
}

/** @param {Wheel} wheel @param {string} folder @param {import('./report.mjs').Report} report */
async function fetchWheel(wheel, folder, report) {
  const pip = await findPip();
  if (!pip) {
    throw new SetupProblem('neither pip nor uv was found, which fetch the TensorFlow library.', [
      'Install Python 3 with pip (for instance "sudo apt-get install python3-pip"), then run "npm run setup" again.',
    ]);
  }
  const requirement = `${wheel.package}==${wheel.version}`;
  const size = wheel.sizeBytes ? megabytes(wheel.sizeBytes) : null;
  const startedAt = Date.now();
  report.start(`Fetching with pip ${pip.version}: ${requirement}${size ? `, ${size}` : ''}`);
  // pip writes into its temporary folder first: pointing that here shows how far it is and keeps it on the disk that was checked.
  const temporary = join(folder, 'pip');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const timer = setInterval(() => {
    void folderBytes(folder).then((bytes) => report.progress(`${megabytes(bytes)}${size ? ` of ${size}` : ''}`));
  }, 250);
  // The wheel for one named Python: the library in it is the same for all, and any Python's pip can fetch it.
  const selection = ['--no-deps', '--only-binary=:all:', '--implementation', 'cp', '--abi', `cp${wheel.pythonVersion}`];
  const target = ['--python-version', wheel.pythonVersion, '--platform', wheel.pipPlatform];
  const quiet = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'];
  const { exitCode, output } = await runCommand(
    pip.command,
    [...pip.args, 'download', ...quiet, ...selection, ...target, '--dest', folder, requirement],
    { env: { ...process.env, TMPDIR: temporary, TMP: temporary, TEMP: temporary } },
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

/**
 * @param {string} path @param {Part} part @param {string} folder @param {import('./report.mjs').Report} report
 * @returns {Promise<string[]>} the shared libraries it unpacked, relative to the folder
 */
async function unpackWheel(path, part, folder, report) {
  const entries = await readWheelEntries(path);
  const hashes = await readWheelRecord(path, entries);
  const chosen = entries.filter(({ name }) => !name.endsWith('/') && part.wanted(name));
  if (chosen.length === 0) throw new SetupProblem(`the wheel of ${part.wheel.package} holds none of the files that are needed.`, []);
  const missing = part.needed.filter((each) => !chosen.some(({ name }) => name === each));
  if (missing.length > 0) throw new SetupProblem(`the wheel holds no ${missing.join(' and no ')}.`, []);
  const totalBytes = chosen.reduce((sum, each) => sum + each.sizeBytes, 0);
  const startedAt = Date.now();
  report.start(`Unpacking what is needed of it: ${megabytes(totalBytes)}`);
  let doneBytes = 0;
  for (const entry of chosen) {
    await unpackEntry(path, entry, unpackedPath(folder, entry.name, part.prefix), hashes.get(entry.name), (bytes) => {
      doneBytes += bytes;
      report.progress(`${megabytes(doneBytes)} of ${megabytes(totalBytes)}`);
    });
  }
  report.done(`unpacked and verified in ${secondsSince(startedAt)}`);
  return chosen
    .map(({ name }) => (name.startsWith(part.prefix) ? name.slice(part.prefix.length) : name))
    .filter((name) => /\.(so|dylib)(\.|$)/.test(name));
}
