import { closeSync, openSync, readSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Engine, Tensor } from '../engine/engine.ts';
import { laneValues } from '../llama/lanes.ts';
import { type Batch, frozenPrefix } from '../llama/model.ts';
import type { Llama } from '../llama/parameters.ts';
import { bytesOf, sha256 } from './checksum.ts';

/** More than this is not kept, however much room there is. */
const MOST_BYTES = 8 * 2 ** 30;

/** Of the disk's free space, so much at most. */
const MOST_OF_FREE = 0.5;

/**
 * What frozen blocks below the first trained one make of a window never changes. When windows come again, it is kept here, on disk, and those
 * blocks are left out. A window goes through them alone, whatever batch it is in, so that what is kept and what is computed anew are equal to
 * the last bit, and a resumed run with an empty cache goes on as if it had never stopped. Every piece is checked against its hash when it is read.
 */
export class PrefixCache {
  readonly #engine: Engine;
  readonly #model: Llama;
  readonly #path: string;
  readonly #file: number;
  readonly #mostBytes: number;
  readonly #pieces = new Map<string, { position: number; hash: string }>();
  #end = 0;
  /** False from the first write that failed: the disk is full. */
  #canGrow = true;
  #hits = 0;

  /**
   * Makes an empty cache at `path`; {@link close} deletes it.
   * @param mostBytes on disk; 8 GiB or half of the free space, whichever is less, when left out
   */
  constructor(engine: Engine, model: Llama, path: string, mostBytes?: number) {
    this.#engine = engine;
    this.#model = model;
    this.#path = path;
    this.#file = openSync(path, 'w+');
    const { bavail, bsize } = statfsSync(dirname(path));
    this.#mostBytes = mostBytes ?? Math.min(MOST_BYTES, bavail * bsize * MOST_OF_FREE);
  }

  /** Windows that needed no computation so far. */
  get hits(): number {
    return this.#hits;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#end;
  }

  /**
   * The residual stream of a batch where training begins, lane by lane, as `frozenPrefix` lays it out. The caller frees it.
   * @param keys a name for each window of the batch, the same whenever the same window comes
   */
  async prefixOf(batch: Batch, keys: readonly string[]): Promise<Tensor[]> {
    const width = this.#model.config.hiddenSize;
    const piece = batch.time * width;
    const rows = new Float32Array(batch.batch * piece);
    for (const [window, key] of keys.entries()) {
      const known = this.#read(key, piece);
      if (known) this.#hits++;
      rows.set(known ?? (await this.#compute(batch, window, key)), window * piece);
    }
    const { lanes } = this.#model.lanes.lanesOf(batch.batch, batch.time);
    return lanes.map((lane) => {
      const wide = { ...lane, firstTime: lane.firstTime * width, times: lane.times * width };
      return this.#engine.tensor(laneValues(rows, piece, wide), [lane.windows * lane.times, width]);
    });
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  async #compute(batch: Batch, window: number, key: string): Promise<Float32Array> {
    const of = <Values extends Int32Array>(values: Values): Values =>
      values.slice(window * batch.time, (window + 1) * batch.time) as Values;
    const alone: Batch = { batch: 1, time: batch.time, inputs: of(batch.inputs), targets: of(batch.targets) };
    if (batch.documents) alone.documents = of(batch.documents);
    const lanes = frozenPrefix(this.#engine, this.#model, alone);
    const rows = new Float32Array(batch.time * this.#model.config.hiddenSize);
    let position = 0;
    for (const lane of lanes) {
      const values = (await this.#engine.read(lane)) as Float32Array;
      rows.set(values, position);
      position += values.length;
    }
    this.#engine.dispose(...lanes);
    this.#write(key, rows);
    return rows;
  }

  /** Null when the piece is not there or is not what was written. */
  #read(key: string, length: number): Float32Array | null {
    const piece = this.#pieces.get(key);
    if (!piece) return null;
    const values = new Float32Array(length);
    const bytes = bytesOf(values);
    return readSync(this.#file, bytes, 0, bytes.length, piece.position) === bytes.length && sha256(bytes) === piece.hash ? values : null;
  }

  #write(key: string, values: Float32Array): void {
    const bytes = bytesOf(values);
    const position = this.#pieces.get(key)?.position ?? this.#end;
    if (!this.#canGrow || position + bytes.length > this.#mostBytes) return;
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#file, bytes, written, bytes.length - written, position + written);
      }
    } catch {
      this.#canGrow = false; // what is not kept is computed again
      return;
    }
    this.#pieces.set(key, { position, hash: sha256(bytes) });
    this.#end = Math.max(this.#end, position + bytes.length);
  }
}
