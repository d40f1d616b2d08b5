import { existsSync } from 'node:fs';
import type { CatalogueModel, Download } from '../../shared/contract/downloads.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { StrataError } from '../../shared/errors.ts';
import type { FetchRequest } from '../studio/model-downloads.ts';
import { SOURCE_PREFIXES } from '../studio/model-source.ts';
import { bytes, duration, shortCount, table } from './format.ts';
import { STRATA } from './report.ts';
import { type CommonOptions, refuse, type Session } from './session.ts';

/** How `strata model import` takes a model from wherever it is, and what it shows meanwhile. */

export interface ImportOptions extends CommonOptions {
  name?: string;
  /** For a pack. */
  base?: string;
  file?: string;
  token?: string;
  endpoint?: string;
  offline?: boolean;
  keep?: boolean;
}

/** Imports a file or folder; where there is none of that name, from a hub or the catalogue. */
export async function importFrom(session: Session, from: string, options: ImportOptions): Promise<ModelInfo> {
  const { downloads, models } = session.studio;
  const named = options.name === undefined ? {} : { name: options.name };
  const choices = fetchChoices(options);
  if (existsSync(from) || !SOURCE_PREFIXES.some((prefix) => from.startsWith(prefix))) {
    const [choice] = Object.keys(choices);
    if (choice !== undefined)
      throw refuse('A model on this computer takes no such option.', `--${choice}`, 'it for hub:ORG/NAME', `Leave --${choice} out.`);
    return models.import({ path: from, ...named, ...(options.base !== undefined && { base: options.base }) });
  }
  if (options.base !== undefined)
    throw refuse(
      'Only a pack on this computer is put on a base.',
      `--base with ${from}`,
      '--base for a folder with pack.json',
      'Leave --base out.',
    );
  const display = new DownloadDisplay();
  try {
    const fetched = await session.interruptible((signal) =>
      downloads.fetch(
        { source: from, ...choices, ...named },
        { signal, onProgress: (progress) => display.show(progress), onNotice: (text) => display.line(text) },
      ),
    );
    display.end();
    if (fetched.path !== null) display.line('Bringing it into the workspace');
    return await downloads.finish(fetched);
  } catch (error) {
    display.end();
    if (!(error instanceof StrataError) || error.code !== 'INTERRUPTED') throw error;
    const file = options.file === undefined ? '' : ` --file ${options.file}`;
    // pip does not go on with a part of a package.
    const kept = from.startsWith('hub:') ? '; what has arrived is kept' : '';
    throw new StrataError('INTERRUPTED', `The download was interrupted${kept}.`, {
      hint: `Go on with: ${STRATA} model import ${from}${file}`,
      cause: error,
    });
  }
}

function fetchChoices({ file, token, endpoint, offline, keep }: ImportOptions): Omit<FetchRequest, 'source' | 'name'> {
  return Object.fromEntries(Object.entries({ file, token, endpoint, offline, keep }).filter(([, value]) => value !== undefined));
}

/** Elsewhere than on a terminal a line is written so often. */
const LINE_INTERVAL_MS = 5000;

/** Progress on stderr: a line that updates itself on a terminal, single lines elsewhere. */
class DownloadDisplay {
  readonly #isTerminal = process.stderr.isTTY;
  #activity = '';
  #writtenAt = 0;

  show(progress: Pick<Download, 'activity' | 'bytesDone' | 'bytesTotal' | 'bytesPerSecond' | 'secondsLeft'>): void {
    const isNew = progress.activity !== this.#activity;
    this.#activity = progress.activity;
    if (this.#isTerminal) process.stderr.write(`\r\x1b[2K${progressLine(progress)}`);
    else if (isNew || performance.now() - this.#writtenAt > LINE_INTERVAL_MS) {
      this.#writtenAt = performance.now();
      process.stderr.write(`${progressLine(progress)}\n`);
    }
  }

  line(text: string): void {
    this.end();
    process.stderr.write(`${text}\n`);
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\x1b[2K');
  }
}

function progressLine({ activity, bytesDone, bytesTotal, bytesPerSecond, secondsLeft }: Parameters<DownloadDisplay['show']>[0]): string {
  const parts = [activity];
  if (bytesTotal !== null) {
    const share = bytesTotal > 0 ? ` (${Math.floor((100 * bytesDone) / bytesTotal)} %)` : '';
    parts.push(`${bytes(bytesDone)} of ${bytes(bytesTotal)}${share}`);
  }
  if (bytesPerSecond !== null) parts.push(`${bytes(Math.round(bytesPerSecond))}/s`);
  if (secondsLeft !== null && secondsLeft > 0) parts.push(`${duration(secondsLeft)} left`);
  return parts.join('   ');
}

export function describeCatalogue(entries: readonly CatalogueModel[]): string {
  const rows = entries.map(({ source, parameters, downloadBytes, licence, purpose }) => [
    source,
    shortCount(parameters),
    downloadBytes === null ? 'none' : bytes(downloadBytes),
    licence,
    purpose,
  ]);
  return `${table(['source', 'parameters', 'download', 'licence', 'what for'], rows)}\nTake one with: ${STRATA} model import ${entries.at(-1)?.source ?? ''}`;
}

export function describeDownloads(downloads: readonly Download[]): string {
  if (downloads.length === 0) return 'No downloads are left.';
  const rows = downloads.map(({ id, source, file, state, bytesDone, bytesTotal }) => [
    id,
    file === null ? source : `${source} --file ${file}`,
    state,
    bytesTotal === null ? bytes(bytesDone) : `${bytes(bytesDone)} of ${bytes(bytesTotal)}`,
  ]);
  return `${table(['id', 'source', 'state', 'arrived'], rows)}\nGo on with: ${STRATA} model import SOURCE`;
}
