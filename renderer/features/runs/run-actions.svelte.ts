import { createContext } from 'svelte';
import type { RunRow, runExportRequestSchema } from '../../../shared/contract/comparison.ts';
import { words } from '../../../shared/words/words.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { saveFile } from '../../ui/save-file.ts';
import { changedTags, commonTags } from '../../ui/tags.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';
import type { ChoiceState } from './choice.svelte.ts';

export type ExportFormat = (typeof runExportRequestSchema)['shape']['format']['_output'];
/** What is needed of a run to do something with it and to say so. */
export type NamedRun = Pick<RunRow, 'id' | 'name'>;
export type MarkedRun = NamedRun & Pick<RunRow, 'tags' | 'note'>;

/** What can be done with runs wherever they are shown: marks, shelves, files. Whatever can be undone says so at the edge of the window. */
export class RunActions extends Attempts {
  readonly #studio: StudioState;
  readonly #toasts: ToastsState;
  readonly #choice: ChoiceState;
  /** Runs whose tags and note are being edited; none while the dialog is closed. */
  edited = $state.raw<readonly MarkedRun[]>([]);

  constructor(studio: StudioState, toasts: ToastsState, choice: ChoiceState) {
    super();
    this.#studio = studio;
    this.#toasts = toasts;
    this.#choice = choice;
  }

  favourite({ id }: NamedRun, favourite: boolean): Promise<boolean> {
    return this.attempt(async () => void (await this.#studio.client.runs.favourite({ run: id, favourite })));
  }

  /** Writes what was changed: tags that the runs have in common, and the note when there is one run. */
  saveMarks(runs: readonly MarkedRun[], tags: readonly string[], note: string | null): Promise<boolean> {
    const before = commonTags(runs.map((run) => run.tags));
    return this.attempt(async () => {
      for (const run of runs) {
        const next = changedTags(run.tags, before, tags);
        if (next.join('\n') !== run.tags.join('\n')) await this.#studio.client.runs.tag({ run: run.id, tags: next });
        if (note !== null && note !== run.note) await this.#studio.client.runs.note({ run: run.id, note });
      }
    });
  }

  async archive(runs: readonly NamedRun[], archived: boolean): Promise<boolean> {
    const ids = runs.map(({ id }) => id);
    const isDone = await this.attempt(async () => void (await this.#studio.client.runs.archive({ runs: ids, archived })));
    if (!isDone) return false;
    this.#choice.drop(ids);
    const done = archived ? words('runs.archived', { runs: namesOf(runs) }) : words('runs.unarchived', { runs: namesOf(runs) });
    this.#toasts.show(done, { label: words('ui.undo'), run: () => void this.#unarchive(ids, !archived) });
    return true;
  }

  async #unarchive(runs: string[], archived: boolean): Promise<void> {
    await this.attempt(async () => void (await this.#studio.client.runs.archive({ runs, archived })));
  }

  /** Puts them into the bin, with the way back. */
  async remove(runs: readonly NamedRun[]): Promise<boolean> {
    const removed: NamedRun[] = [];
    const isDone = await this.attempt(async () => {
      for (const run of runs) {
        await this.#studio.client.runs.remove({ run: run.id });
        removed.push(run);
      }
    });
    if (removed.length > 0) {
      this.#choice.drop(removed.map(({ id }) => id));
      this.#toasts.show(words('runs.deleted', { runs: namesOf(removed) }), {
        label: words('ui.undo'),
        run: () => void this.restore(removed),
      });
    }
    return isDone;
  }

  /** Takes them out of the bin. */
  restore(runs: readonly NamedRun[]): Promise<boolean> {
    return this.attempt(async () => {
      for (const { id } of runs) await this.#studio.client.runs.restore({ run: id });
      this.#choice.drop(runs.map(({ id }) => id));
    });
  }

  /** Deletes for good what is in the bin: these, or all. */
  purge(runs: readonly NamedRun[] | 'all'): Promise<boolean> {
    return this.attempt(async () => {
      if (runs === 'all') await this.#studio.client.runs.purge({});
      else for (const { id } of runs) await this.#studio.client.runs.purge({ run: id });
      if (runs !== 'all') this.#choice.drop(runs.map(({ id }) => id));
      else this.#choice.clear();
    });
  }

  /** Saves what is known of runs as a file. */
  save(runs: readonly string[], format: ExportFormat, baseline: string | null = null): Promise<boolean> {
    return this.attempt(async () => {
      const { fileName, mediaType, text } = await this.#studio.client.runs.export({ runs: [...runs], format, baseline });
      saveFile(fileName, new Blob([text], { type: mediaType }));
    });
  }

  /** Whatever came of it, the lists show what is now. */
  override async attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      return await super.attempt(work);
    } finally {
      await this.#studio.refresh();
    }
  }
}

function namesOf(runs: readonly NamedRun[]): string {
  return runs.length === 1 ? words('runs.quoted', { run: runs[0]!.name }) : words('runs.total', { count: runs.length });
}

export const [getRunActions, setRunActions] = createContext<RunActions>();
