import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EnginePackInfo } from '../../shared/contract/engines.ts';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { engineDirectory } from '../engine/engine-directory.ts';
import { type EnginePack, readInstalledPack, removeEnginePack, unpackEnginePack } from '../engine/engine-pack.ts';
import type { StudioContext } from './context.ts';
import { ENGINE_PACKS } from './engine-pack-table.ts';
import { defaultSource, describeSource, obtainArchive, type PackSource } from './engine-pack-source.ts';
import { claim, isClaimed } from './owner-file.ts';

const WATCH_INTERVAL_MS = 150;
const GOING_ON: readonly EnginePackInfo['state'][] = ['fetching', 'checking', 'unpacking', 'testing'];

export interface EnginePackOptions {
  directory?: string;
  packs?: readonly EnginePack[];
  /** The compiled addon that comes with this program. */
  addonPath?: string;
}

interface Task {
  shown: EnginePackInfo;
  controller: AbortController;
  ended: Promise<void>;
}

/** Engine packs of this machine: fetched, checked by their hash, unpacked into the engine's folder and tested; and deleted again. */
export class EnginePacks {
  readonly #context: StudioContext;
  readonly #isTraining: () => boolean;
  readonly #directory: string;
  readonly #packs: readonly EnginePack[];
  readonly #addonPath: string;
  readonly #tasks = new Map<string, Task>();

  constructor(context: StudioContext, isTraining: () => boolean, options: EnginePackOptions = {}) {
    this.#context = context;
    this.#isTraining = isTraining;
    this.#directory = options.directory ?? engineDirectory();
    this.#packs = (options.packs ?? ENGINE_PACKS).filter(({ platform }) => platform === `${process.platform}-${process.arch}`);
    this.#addonPath = options.addonPath ?? join(context.resources, 'addon', 'tfjs_binding.node');
  }

  list(): Promise<EnginePackInfo[]> {
    return Promise.all(this.#packs.map(async (pack) => this.#tasks.get(pack.id)?.shown ?? (await this.#describe(pack))));
  }

  /**
   * Begins, or goes on with, an installation; it is followed with {@link watch}.
   * @throws StrataError CONFLICT where the licence was not accepted, or it is installed; UNSUPPORTED where it cannot be.
   */
  async install({
    pack: id,
    licence,
    source = defaultSource(),
  }: {
    pack: string;
    licence: string;
    source?: PackSource;
  }): Promise<EnginePackInfo> {
    const pack = this.#find(id);
    const running = this.#tasks.get(id);
    if (running && GOING_ON.includes(running.shown.state)) return running.shown;
    const before = await this.#describe(pack);
    if (licence !== pack.licence) {
      throw new StrataError('CONFLICT', 'The licence of the engine pack has to be accepted first.', {
        found: licence || 'no licence',
        allowed: pack.licence,
        hint: 'Read it: the list of engine packs has its text.',
      });
    }
    if (before.obstacle !== null) {
      throw new StrataError('UNSUPPORTED', 'This program cannot install the engine pack.', {
        found: before.obstacle,
        allowed: 'a packaged Strata for this platform',
        hint: 'In a checkout "npm run setup" makes the engine; the wasm engine works without.',
      });
    }
    if (before.state === 'installed') {
      throw new StrataError('CONFLICT', 'The engine pack is installed already.', {
        found: `${pack.title} ${pack.version}`,
        allowed: 'a pack that is not installed',
        hint: 'Remove it first to install it anew.',
      });
    }
    const controller = new AbortController();
    const task: Task = {
      shown: { ...before, state: 'fetching', activity: words('said.beginning'), error: null },
      controller,
      ended: Promise.resolve(),
    };
    this.#tasks.set(id, task);
    task.ended = this.#run(pack, source, task);
    return task.shown;
  }

  async #run(pack: EnginePack, source: PackSource, task: Task): Promise<void> {
    const show = (changes: Partial<EnginePackInfo>): void => void (task.shown = { ...task.shown, ...changes });
    const { signal } = task.controller;
    try {
      await this.#claimed(pack, async (work) => {
        const { path, isOurs } = await obtainArchive(pack, source, work, {
          signal,
          onProgress: show,
          onChecking: () => show({ state: 'checking' }),
        });
        show({
          state: 'unpacking',
          activity: words('said.unpackingLibrary'),
          bytesDone: 0,
          bytesTotal: pack.unpackedBytes,
          bytesPerSecond: null,
          secondsLeft: null,
        });
        await unpackEnginePack(pack, {
          archive: path,
          directory: this.#directory,
          addonPath: this.#addonPath,
          signal,
          onBytes: (bytesDone) => show({ bytesDone }),
        });
        show({ state: 'testing', activity: words('said.testingEngine'), bytesTotal: null });
        await this.#test(pack);
        if (isOurs) await rm(path, { force: true });
      });
      show({ ...(await this.#describe(pack)) });
    } catch (error) {
      const known = toStrataError(error);
      const ended = { activity: '', bytesPerSecond: null, secondsLeft: null };
      if (signal.aborted) show({ ...ended, state: 'stopped', error: null });
      else show({ ...ended, state: 'failed', error: known.toRecord() });
    }
  }

  /** One process at a time works in the folder where a pack arrives. */
  async #claimed(pack: EnginePack, body: (work: string) => Promise<void>): Promise<void> {
    const work = this.#workFolder(pack);
    if (await isClaimed(work)) {
      throw new StrataError('CONFLICT', 'Another program is installing this engine pack.', {
        found: work,
        allowed: 'one program at a time',
        hint: 'Wait until it has ended.',
      });
    }
    const release = await claim(work);
    try {
      await body(work);
    } finally {
      await release();
    }
  }

  /** A library that does not compute is not kept. */
  async #test(pack: EnginePack): Promise<void> {
    this.#context.executor.forget?.(pack.engine);
    const { engines } = (await this.#context.executor.start({ kind: 'self-test', engines: [] }, () => undefined).finished) as {
      engines: { name: string; available: boolean; reason: string }[];
    };
    const engine = engines.find(({ name }) => name === pack.engine);
    if (engine?.available) return;
    await removeEnginePack(this.#directory, pack);
    this.#context.executor.forget?.(pack.engine);
    throw new StrataError('ENGINE', 'The installed engine does not work on this machine; it was removed.', {
      found: engine?.reason ?? 'no answer',
      allowed: 'an engine that passes its self-test',
      hint: 'The wasm engine works without it.',
    });
  }

  async *watch({ pack: id }: { pack: string }, signal?: AbortSignal): AsyncGenerator<EnginePackInfo, void> {
    const pack = this.#find(id);
    const task = this.#tasks.get(id);
    if (!task) return yield await this.#describe(pack);
    let last: EnginePackInfo | null = null;
    while (!signal?.aborted) {
      const { shown } = task;
      if (shown !== last) yield shown;
      last = shown;
      if (!GOING_ON.includes(shown.state)) return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Stops an installation; what has arrived is kept. */
  async cancel({ pack: id }: { pack: string }): Promise<EnginePackInfo> {
    const pack = this.#find(id);
    const task = this.#tasks.get(id);
    task?.controller.abort();
    await task?.ended;
    return task?.shown ?? (await this.#describe(pack));
  }

  /**
   * Deletes a pack, or what has arrived of one.
   * @throws StrataError CONFLICT while it is being installed, or a run may be using it.
   */
  async remove({ pack: id }: { pack: string }): Promise<{ removed: string }> {
    const pack = this.#find(id);
    const isBusy = GOING_ON.includes(this.#tasks.get(id)?.shown.state ?? 'absent') || (await isClaimed(this.#workFolder(pack)));
    if (isBusy || this.#isTraining()) {
      throw new StrataError(
        'CONFLICT',
        isBusy ? 'The engine pack is being installed.' : 'A run is being trained, which may use the engine.',
        {
          found: pack.title,
          allowed: 'an engine that nothing uses',
          hint: isBusy ? 'Stop it first.' : 'Wait until it has ended, or stop it.',
        },
      );
    }
    await removeEnginePack(this.#directory, pack);
    await rm(this.#workFolder(pack), { recursive: true, force: true });
    this.#tasks.delete(id);
    this.#context.executor.forget?.(pack.engine);
    return { removed: id };
  }

  async close(): Promise<void> {
    this.abandon();
    await Promise.all([...this.#tasks.values()].map(({ ended }) => ended));
  }

  abandon(): void {
    for (const { controller } of this.#tasks.values()) controller.abort();
  }

  #workFolder(pack: EnginePack): string {
    return join(this.#directory, 'packs', `.work-${pack.id}`);
  }

  #find(id: string): EnginePack {
    const pack = this.#packs.find((each) => each.id === id);
    if (pack) return pack;
    throw new StrataError('NOT_FOUND', `There is no engine pack "${id}" for this machine.`, {
      found: id,
      allowed: this.#packs.map((each) => each.id).join(', ') || `none: there is no pack for ${process.platform} ${process.arch}`,
      hint: 'strata engine packs lists them.',
    });
  }

  async #describe(pack: EnginePack): Promise<EnginePackInfo> {
    const installed = await readInstalledPack(this.#directory, pack.id);
    const isInstalled = installed !== null && existsSync(installed.addonPath);
    return {
      id: pack.id,
      engine: pack.engine,
      title: pack.title,
      version: pack.version,
      platform: pack.platform,
      licence: pack.licence,
      licenceText: await readFile(join(this.#context.resources, 'engine-packs', 'tensorflow-LICENSE.txt'), 'utf8'),
      origin: describeSource(pack, defaultSource()),
      sha256: pack.archive.sha256,
      downloadBytes: pack.archive.bytes,
      installedBytes: installed?.pack.bytes ?? pack.unpackedBytes,
      obstacle:
        existsSync(this.#addonPath) || isInstalled
          ? null
          : 'These are the sources of Strata, where "npm run setup" brings this library: packs are for the installed application.',
      state: isInstalled ? 'installed' : 'absent',
      activity: '',
      bytesDone: 0,
      bytesTotal: pack.archive.bytes,
      bytesPerSecond: null,
      secondsLeft: null,
      error: null,
    };
  }
}
