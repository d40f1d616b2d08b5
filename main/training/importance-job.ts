import { type Importance, riseOf, type WindowSum } from '../../shared/domain/importance.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { openTokenShard, type TokenShard } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { isScored, type MeasuredWindow, scoreWindows } from '../llama/measure.ts';
import { disposeLlama, type Llama, loadLlama } from '../llama/parameters.ts';
import { openModelFolder } from '../models/model-folder.ts';
import type { ImportanceJob, TrainerEvent } from './messages.ts';
import { heldOutWindows } from './windows.ts';

/** Rows of one forward pass: enough to keep the cores busy, few enough that progress is seen and a limit of time is kept. */
const ROWS_AT_ONCE = 1024;

/**
 * Measures what each block of a model matters for old text: its held-out loss with the block left out, all on the same windows. The weights
 * are loaded once; a model without a block shares them. Windows come from every dataset in turn and are measured a few at a time with all
 * blocks, so that whenever time is up the table is complete, on fewer windows. The first of them is measured alone: it shows what one costs.
 * @throws StrataError ENGINE when a loss is not finite.
 */
export async function measureImportance(job: ImportanceJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<Importance> {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  emit({ type: 'activity', text: words('said.loadingModel') });
  const windows = await windowsOf(job);
  const folder = await openModelFolder(job.modelDirectory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), isCompact: true });
  await folder.close();
  try {
    // The whole model, then each block's absence.
    const variants = [model, ...model.blocks.map((_, block) => withoutBlock(model, block))];
    const sums: WindowSum[][] = variants.map(() => []);
    let measured = 0;
    while (measured < windows.length && (measured === 0 || elapsed() < job.limitSeconds)) {
      const batch = nextBatch(windows, measured);
      for (const [index, variant] of variants.entries()) {
        emit({ type: 'activity', text: activityOf(index, model.blocks.length, measured, batch.length, windows.length) });
        sums[index]!.push(...(await windowSums(engine, variant, batch)));
        emit({ type: 'done', done: measured * variants.length + (index + 1) * batch.length, of: windows.length * variants.length });
        await new Promise((resolve) => setImmediate(resolve)); // messages leave between turns of the event loop
      }
      measured += batch.length;
    }
    const [whole, ...bypassed] = sums as [WindowSum[], ...WindowSum[][]];
    const tokens = whole.reduce((sum, window) => sum + window.tokens, 0);
    return {
      modelHash: job.modelHash,
      datasets: job.datasets.map(({ name, hash }) => ({ name, hash })),
      context: job.context,
      windows: measured,
      tokens,
      loss: finite(whole.reduce((sum, window) => sum + window.loss, 0) / tokens, 'the whole model'),
      blocks: bypassed.map((without, block) => {
        const row = riseOf(whole, without);
        finite(row.loss, `the model without block ${block}`);
        return { block, ...row };
      }),
      seconds: elapsed(),
      engine: engine.name,
    };
  } finally {
    disposeLlama(model);
  }
}

async function windowsOf({ datasets, context, windows }: ImportanceJob): Promise<MeasuredWindow[]> {
  const shards: TokenShard[] = [];
  try {
    for (const { heldOutPath } of datasets) shards.push(await openTokenShard(heldOutPath));
    const held = shards.map((heldOut) => ({ role: 'old' as const, heldOut }));
    return heldOutWindows(held, 'old', context, windows * context).slice(0, windows);
  } finally {
    for (const shard of shards) await shard.close();
  }
}

/** The same weights without one block. Shares the model's tensors: do not free it. */
function withoutBlock(model: Llama, block: number): Llama {
  const blocks = model.blocks.filter((_, index) => index !== block);
  return { ...model, blocks, config: { ...model.config, blocks: blocks.length } };
}

/** Windows of equal length from the given one on; the very first alone. */
function nextBatch(windows: readonly MeasuredWindow[], start: number): MeasuredWindow[] {
  const length = windows[start]!.tokens.length;
  const most = start === 0 ? 1 : Math.max(1, Math.floor(ROWS_AT_ONCE / length));
  const batch = windows.slice(start, start + most);
  const other = batch.findIndex(({ tokens }) => tokens.length !== length);
  return other === -1 ? batch : batch.slice(0, other);
}

/** The loss of every window's predicted tokens, those that count. */
async function windowSums(engine: Engine, model: Llama, windows: readonly MeasuredWindow[]): Promise<WindowSum[]> {
  const scored = await scoreWindows(engine, model, windows);
  return windows.map((window, row) => {
    const sum: WindowSum = { loss: 0, tokens: 0 };
    for (const [index, loss] of scored[row]!.losses.entries()) {
      if (!isScored(window, index + 1)) continue;
      sum.loss += loss;
      sum.tokens++;
    }
    return sum;
  });
}

function activityOf(variant: number, blocks: number, measured: number, batch: number, windows: number): string {
  const range = { first: String(measured + 1), last: String(measured + batch), windows: String(windows) };
  if (variant === 0) return batch === 1 ? words('said.wholeWindow', range) : words('said.wholeWindows', range);
  const without = { ...range, block: String(variant - 1), blocks: String(blocks) };
  return batch === 1 ? words('said.withoutWindow', without) : words('said.withoutWindows', without);
}

function finite(loss: number, what: string): number {
  if (Number.isFinite(loss)) return loss;
  throw new StrataError('ENGINE', 'What the blocks matter could not be measured.', {
    found: `a loss of ${loss} with ${what}`,
    hint: 'The model may hold infinite or undefined weights.',
  });
}
