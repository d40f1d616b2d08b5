import { blockParameters, type LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import type { Positions } from './attention.ts';
import { rotaryTable } from './rope.ts';

/**
 * A batch is cut into lanes: a group of windows, or a stretch of their positions. A stretch needs the stretches before it only through their
 * keys and values, so lanes are computed side by side, each in a core's own cache; and a stretch does not look at the keys after it, which
 * leaves out most of the half of attention that causality masks.
 */
export interface Lane {
  firstWindow: number;
  windows: number;
  firstTime: number;
  times: number;
}

/** A stretch shorter than this is not worth a core. */
const SHORTEST_STRETCH = 32;

/** Where every core has its windows already, cutting them pays down to these. */
const SHORTEST_PIECE = 128;

/** Rows at which matrix products have become about as fast as they get: more of them can as well be cut. */
const ROWS_OF_PIECE = 341;

/** Stretches end at multiples of this, which the matrix kernels like. */
const STRETCH_STEP = 8;

/** Lanes for `cores` of them to be computed at a time: by groups of windows, those by time. */
export function cutIntoLanes(batch: number, time: number, cores: number, config: LlamaConfig): Lane[] {
  const groups = Math.min(batch, cores);
  const perGroup = Math.ceil(cores / groups); // stretches that keep every core at work
  const pieces = Math.max(1, Math.round((Math.floor(batch / groups) * time) / perGroup / ROWS_OF_PIECE));
  const most = Math.min(Math.max(perGroup, Math.floor(time / SHORTEST_PIECE)), Math.floor(time / SHORTEST_STRETCH));
  const stretches = Math.max(1, Math.min(perGroup * pieces, most));
  const ends = stretchEnds(time, stretches, config);
  return Array.from({ length: groups }, (_, group) => {
    const firstWindow = Math.floor((group * batch) / groups);
    const windows = Math.floor(((group + 1) * batch) / groups) - firstWindow;
    return ends.map((end, index) => {
      const firstTime = ends[index - 1] ?? 0;
      return { firstWindow, windows, firstTime, times: end - firstTime };
    });
  }).flat();
}

/** Ends of stretches of about equal work: later positions have more keys to look at, so later stretches are shorter. */
function stretchEnds(time: number, stretches: number, config: LlamaConfig): number[] {
  const perRow = blockParameters(config);
  const perKey = 2 * config.heads * config.headSize;
  const work = (begin: number, end: number): number => (end - begin) * (perRow + perKey * end);
  // The smallest work with which that many stretches reach the end.
  let [low, high] = [work(0, time) / (2 * stretches), work(0, time)];
  const cut = (most: number): number[] => {
    const ends: number[] = [];
    for (let begin = 0; ends.length < stretches; begin = ends.at(-1)!) {
      let end = begin;
      while (end < time && work(begin, Math.min(time, end + STRETCH_STEP)) <= most) end = Math.min(time, end + STRETCH_STEP);
      ends.push(end);
    }
    return ends;
  };
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    if (cut(middle).at(-1) === time) high = middle;
    else low = middle;
  }
  return cut(high);
}

/** A lane with what its attention needs. */
export interface LanePositions extends Positions {
  /** Whether it goes on where the lane before it ended. */
  continues: boolean;
}

/** Scores where a query may not look: far below any score, yet finite, so that no row can become NaN. */
export const MASKED = -1e9;

/** Rotary angles and causal mask of `time` positions after `past` others; belongs to the innermost scope. */
export function positionsAfter(engine: Engine, config: LlamaConfig, batch: number, time: number, past: number): Positions {
  const { headSize, slidingWindow } = config;
  return {
    batch,
    time,
    keyTable: rotaryTable(engine, past, time, config),
    queryTable: rotaryTable(engine, past, time, config, 1 / Math.sqrt(headSize)),
    mask: causalMask(engine, time, past, slidingWindow),
  };
}

/** The first position that the one at `position` looks at. */
export function firstVisible(position: number, slidingWindow: number | null): number {
  return slidingWindow === null ? 0 : Math.max(0, position + 1 - slidingWindow);
}

/** Causal mask of `time` queries over `past + time` keys, [T, past + T]. */
function causalMask(engine: Engine, time: number, past: number, slidingWindow: number | null): Tensor {
  const width = past + time;
  const values = new Float32Array(time * width);
  for (let query = 0; query < time; query++) {
    const row = query * width;
    values.fill(MASKED, row, row + firstVisible(past + query, slidingWindow));
    values.fill(MASKED, row + past + query + 1, row + width);
  }
  return engine.tensor(values, [time, width]);
}

/** The same inside documents, [B*K, 1, T, past + T]: a query also may not look at a token of another document. */
function documentMask(
  engine: Engine,
  documents: Int32Array,
  batchTime: number,
  lane: Lane,
  { keyValueHeads, slidingWindow }: LlamaConfig,
): Tensor {
  const width = lane.firstTime + lane.times;
  const size = lane.times * width;
  const values = new Float32Array(lane.windows * keyValueHeads * size);
  for (let window = 0; window < lane.windows; window++) {
    const row = (lane.firstWindow + window) * batchTime;
    const first = window * keyValueHeads * size;
    for (let query = 0; query < lane.times; query++) {
      const own = documents[row + lane.firstTime + query];
      const position = lane.firstTime + query;
      const nearest = firstVisible(position, slidingWindow);
      for (let key = 0; key < width; key++) {
        if (key < nearest || key > position || documents[row + key] !== own) values[first + query * width + key] = MASKED;
      }
    }
    for (let head = 1; head < keyValueHeads; head++) values.copyWithin(first + head * size, first, first + size);
  }
  return engine.tensor(values, [lane.windows * keyValueHeads, 1, lane.times, width]);
}

/** Lanes and their positions for batches of each shape, made once: angles and masks are the same at every step. */
export class LaneCache {
  readonly #engine: Engine;
  readonly #config: LlamaConfig;
  readonly #made = new Map<string, { lanes: Lane[]; positions: LanePositions[] }>();

  constructor(engine: Engine, config: LlamaConfig) {
    this.#engine = engine;
    this.#config = config;
  }

  /** The cache keeps what it returns, except masks of documents, which belong to the innermost scope. */
  lanesOf(batch: number, time: number, documents: Int32Array | null = null): { lanes: Lane[]; positions: LanePositions[] } {
    const key = `${batch}x${time}`;
    let made = this.#made.get(key);
    if (!made) {
      made = this.#make(batch, time);
      this.#made.set(key, made);
    }
    if (!documents) return made;
    const { lanes, positions } = made;
    return {
      lanes,
      positions: positions.map((each, index) => ({
        ...each,
        mask: documentMask(this.#engine, documents, time, lanes[index]!, this.#config),
      })),
    };
  }

  dispose(): void {
    for (const { positions } of this.#made.values()) {
      for (const { keyTable, queryTable, mask } of positions) {
        this.#engine.dispose(keyTable.cosine, keyTable.sine, queryTable.cosine, queryTable.sine, mask);
      }
    }
    this.#made.clear();
  }

  #make(batch: number, time: number): { lanes: Lane[]; positions: LanePositions[] } {
    const engine = this.#engine;
    const lanes = cutIntoLanes(batch, time, engine.lanes, this.#config);
    const positions = engine.scope(() =>
      lanes.map(({ windows, firstTime, times }) => ({
        ...positionsAfter(engine, this.#config, windows, times, firstTime),
        continues: firstTime > 0,
      })),
    );
    for (const { keyTable, queryTable, mask } of positions) {
      for (const tensor of [keyTable.cosine, keyTable.sine, queryTable.cosine, queryTable.sine, mask]) engine.keep(tensor);
    }
    return { lanes, positions };
  }
}

/** The values of a lane's rows [windows, times], from those of the batch's rows [B, T]. */
export function laneValues<Values extends Int32Array | Float32Array>(values: Values, time: number, lane: Lane): Values {
  const rows = values.slice(0, lane.windows * lane.times) as Values;
  for (let window = 0; window < lane.windows; window++) {
    const begin = (lane.firstWindow + window) * time + lane.firstTime;
    rows.set(values.subarray(begin, begin + lane.times), window * lane.times);
  }
  return rows;
}

/** The place among the batch's rows [B, T] of a lane's row. */
export function rowOfBatch(lane: Lane, time: number, row: number): number {
  const window = Math.floor(row / lane.times);
  return (lane.firstWindow + window) * time + lane.firstTime + (row - window * lane.times);
}
