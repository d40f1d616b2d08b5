import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { MetricPoint, RunSummary } from '../../shared/domain/run.ts';
import type { Studio } from '../../main/studio/studio.ts';

/** Waits until a run is as wanted; a run that failed meanwhile is told with its error instead of waiting for ever. */
export async function until(studio: Studio, run: string, isWanted: (run: RunSummary) => boolean): Promise<RunSummary> {
  for (;;) {
    const present = studio.runs.show(run);
    if (isWanted(present)) return present;
    if (present.status === 'failed') throw new Error(`The run failed: ${JSON.stringify(present.error)}`);
    await delay(20);
  }
}

/** A run's metrics without speed and memory, which no two runs share. */
export function metricsOf(studio: Studio, run: string): MetricPoint[] {
  return studio.runs.metrics({ run, afterStep: -1 }).filter(({ series }) => series !== 'tokensPerSecond' && series !== 'memory');
}

/** The weights of the model that a run made. */
export const weightsOf = (run: RunSummary): Promise<Buffer> => readFile(join(run.modelPath!, 'model.safetensors'));
