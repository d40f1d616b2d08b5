import type { Comparability } from '../../shared/domain/comparability.ts';
import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { COMPARED_MEASURES, type ComparedMeasure } from '../../shared/domain/verdict.ts';

/**
 * Every setting and result in which runs differ, by its dotted name, one value for each run. Losses of other texts, or in tokens of another
 * tokenizer, are not put side by side.
 */
export function differencesOf(
  runs: readonly RunSummary[],
  { unit, measures }: Pick<Comparability, 'unit' | 'measures'>,
): Record<string, unknown[]> {
  const hidden = new Set(
    COMPARED_MEASURES.flatMap((measure) => (unit === 'nats' && measures.includes(measure) ? [] : RESULTS_OF[measure])),
  );
  // Why blocks stand where they do and why so much is replayed is no setting: what came of it is one.
  const flat = runs.map(({ configuration: { importance: _, replayReason: _reason, ...settings }, ...run }) =>
    flatten({ ...settings, rendering: settings.rendering ?? DEFAULT_RENDERING, ...results(run) }),
  );
  const keys = [...new Set(flat.flatMap((fields) => [...fields.keys()]))];
  const differences: Record<string, unknown[]> = {};
  for (const key of keys) {
    if (hidden.has(key)) continue;
    const values = flat.map((fields) => fields.get(key) ?? null);
    if (new Set(values.map((value) => JSON.stringify(value))).size > 1) differences[key] = values;
  }
  return differences;
}

/** Results in nats per token that belong to a measure. */
const RESULTS_OF: Record<ComparedMeasure, readonly string[]> = {
  gain: ['gain', 'baseline.new', 'final.new'],
  forgetting: ['forgetting', 'baseline.old', 'final.old'],
  drift: ['drift'],
};

function results(run: Omit<RunSummary, 'configuration'>): Record<string, unknown> {
  const {
    status,
    gain,
    forgetting,
    drift,
    tokensPerSecond,
    seconds,
    peakMemory,
    engine,
    trainableParameters,
    addedParameters,
    baseline,
    final,
  } = run;
  const losses = {
    baseline: baseline && { new: baseline.new.loss, old: baseline.old?.loss ?? null },
    final: final && { new: final.new.loss, old: final.old?.loss ?? null },
  };
  return {
    status,
    gain,
    forgetting,
    drift,
    tokensPerSecond,
    seconds,
    peakMemory,
    engineUsed: engine,
    trainableParameters,
    addedParameters,
    ...losses,
  };
}

/** How a setting is written down: nothing that a run was trained with. */
const FORMATS: ReadonlySet<string> = new Set(['schemaVersion', 'version']);

/** Nested fields as dotted keys; lists are compared as wholes. */
function flatten(value: Record<string, unknown>, prefix = ''): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, field] of Object.entries(value)) {
    const isNested = typeof field === 'object' && field !== null && !Array.isArray(field);
    if (FORMATS.has(key)) continue;
    if (isNested) for (const [inner, each] of flatten(field as Record<string, unknown>, `${prefix}${key}.`)) fields.set(inner, each);
    else fields.set(prefix + key, field);
  }
  return fields;
}
