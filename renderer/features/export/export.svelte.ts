import { createContext } from 'svelte';
import type { ExportedModel, ExportSizes } from '../../../shared/contract/exports.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import { DTYPES_OF_FORMAT, type ExportDtype, type ExportFormat, parseSize } from '../../../shared/domain/export-format.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { words } from '../../../shared/words/words.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';

const PACK_ENDING = '.strata-pack';

/** The export dialog: what is chosen, and the export that goes on, which outlives the page and the dialog. */
export class ExportState {
  readonly #studio: StudioState;
  readonly #toasts: ToastsState;
  #abort: AbortController | null = null;
  isOpen = $state(false);
  /** The model that the dialog is about. */
  model = $state.raw<ModelInfo | null>(null);
  format = $state<ExportFormat>('huggingface');
  /** Null: as the tensors are stored. */
  dtype = $state<ExportDtype | null>(null);
  /** Largest weight file of a Hugging Face folder, as it is written (`2GB`); null: everything in one file. */
  shardSize = $state<string | null>(null);
  /** Whether that is typed. */
  hasOwnShardSize = $state(false);
  /** What was typed or picked; null while it is the suggestion. */
  #destination = $state<string | null>(null);
  sizes = $state.raw<ExportSizes | null>(null);
  /** Fraction done; null when nothing is being exported. */
  done = $state<number | null>(null);
  exported = $state.raw<ExportedModel | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);

  constructor(studio: StudioState, toasts: ToastsState) {
    this.#studio = studio;
    this.#toasts = toasts;
  }

  get isBusy(): boolean {
    return this.done !== null;
  }

  /** A place in the workspace that says what is in it. */
  get destination(): string {
    if (this.#destination !== null) return this.#destination;
    const separator = this.#studio.home.includes('\\') ? '\\' : '/';
    return [this.#studio.home, 'exports', this.#suggestedName].join(separator);
  }

  set destination(path: string) {
    this.#destination = path;
    this.exported = null;
  }

  get #suggestedName(): string {
    const name = (this.model?.name ?? 'model').replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'model';
    const type = this.dtype === null ? '' : `-${this.dtype.toLowerCase()}`;
    return this.format === 'gguf' ? `${name}${type}.gguf` : `${name}-${this.format}${type}`;
  }

  /** Opens the dialog for a model; for the one that is being exported, if there is one. */
  open(model: ModelInfo): void {
    this.isOpen = true;
    if (this.isBusy) return;
    if (this.model?.id !== model.id) {
      this.sizes = null;
      this.#destination = null;
      if (this.format === 'pack' && !model.plan) this.chooseFormat('huggingface');
    }
    this.model = model;
    this.exported = null;
    this.failure = null;
    void this.#fetchSizes(model);
  }

  chooseFormat(format: ExportFormat): void {
    this.format = format;
    if (this.dtype !== null && !DTYPES_OF_FORMAT[format].includes(this.dtype)) this.dtype = null;
    this.#destination = null;
    this.exported = null;
    this.failure = null;
  }

  chooseDtype(dtype: ExportDtype | null): void {
    this.dtype = dtype;
    this.exported = null;
    this.failure = null;
  }

  /** Takes a size, `own` for one that is typed then, or nothing for one file. */
  chooseShards(choice: string): void {
    this.hasOwnShardSize = choice === 'own';
    this.typeShardSize(this.hasOwnShardSize ? '' : choice || null);
  }

  typeShardSize(size: string | null): void {
    this.shardSize = size;
    this.exported = null;
    this.failure = null;
  }

  /**
   * Bytes of the largest weight file; null for one file, or a format that has no others.
   * @throws StrataError BAD_INPUT when what is typed is no size.
   */
  get shardBytes(): number | null {
    return this.format === 'huggingface' && this.shardSize !== null ? parseSize(this.shardSize) : null;
  }

  /** Bytes that an export will have, about; null when it is not known. */
  expectedBytes(format: ExportFormat, dtype: ExportDtype | null): number | null {
    const sizes = this.sizes?.sizes.filter((size) => size.format === format) ?? [];
    const lossless = this.sizes?.stored.length === 1 ? this.sizes.stored[0] : 'F32';
    const wanted = sizes.find((size) => size.dtype === dtype) ?? sizes.find((size) => size.dtype === lossless);
    return wanted?.bytes ?? null;
  }

  /** Whether what is written is one file: of a pack, where its name ends as that of a pack in one file. */
  get isOneFile(): boolean {
    return this.format === 'gguf' || (this.format === 'pack' && this.destination.trim().toLowerCase().endsWith(PACK_ENDING));
  }

  /** Asks for the place with the system's dialog for what is to be written, where there is one. A pack is suggested as one file, to be sent. */
  async pickDestination(): Promise<void> {
    const name = this.format === 'pack' ? this.#suggestedName.replace(/-pack$/, PACK_ENDING) : this.#suggestedName;
    const path = await this.#studio.host.pickSavePath?.(name);
    if (path) this.destination = path;
  }

  async start(): Promise<void> {
    if (!this.model || this.isBusy) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.done = 0;
    this.exported = null;
    this.failure = null;
    try {
      const request = {
        model: this.model.id,
        format: this.format,
        destination: this.destination.trim(),
        ...(this.dtype !== null && { dtype: this.dtype }),
        ...(this.shardBytes !== null && { shardBytes: this.shardBytes }),
      };
      for await (const event of await this.#studio.client.models.export(request, { signal: abort.signal })) {
        this.done = event.done;
        this.exported = event.exported;
        this.#studio.host.showProgress?.(event.done);
      }
    } catch (error) {
      if (!abort.signal.aborted) this.failure = failureOf(error);
    } finally {
      this.done = null;
      this.#abort = null;
      this.#studio.host.showProgress?.(null);
    }
    if (!this.isOpen) this.#tellOfEnd(this.model.name);
  }

  /** Says how it ended to who has closed the dialog meanwhile, until that is closed too: they may be somewhere else altogether. */
  #tellOfEnd(name: string): void {
    if (this.failure) this.#toasts.showProblem(words('exports.toldFailed', { name }), this.failure);
    else if (this.exported)
      this.#toasts.hold(
        this.#toasts.show(words('exports.toldDone', { name, path: this.exported.path }), {
          label: words('exports.toldMore'),
          run: () => (this.isOpen = true),
        }),
      );
  }

  /** Ends the export; the studio takes away what was written. */
  cancel(): void {
    this.#abort?.abort();
  }

  async #fetchSizes({ id }: ModelInfo): Promise<void> {
    try {
      const sizes = await this.#studio.client.models.exportSizes({ model: id });
      if (this.model?.id === id) this.sizes = sizes;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}

export const [getExport, setExport] = createContext<ExportState>();
