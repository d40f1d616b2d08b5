import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { Comparison, comparisonRequestSchema, Curve, curvesRequestSchema } from '../../shared/contract/comparison.ts';
import { type Comparability, comparabilityOf } from '../../shared/domain/comparability.ts';
import { atGain } from '../../shared/domain/matched-gain.ts';
import type { Role, RunSummary } from '../../shared/domain/run.ts';
import type { Estimate } from '../../shared/domain/statistics.ts';
import { thin } from '../../shared/domain/thinning.ts';
import { bestTradeOffs } from '../../shared/domain/trade-off.ts';
import type { ComparedMeasure } from '../../shared/domain/verdict.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { courseOf, readCurve } from '../store/curves.ts';
import { listModels } from '../store/models.ts';
import type { StudioContext } from './context.ts';
import { axisOf } from './curve-axis.ts';
import { differencesOf } from './run-differences.ts';
import { inUnit, unitFactor, verdictsOf } from './run-verdicts.ts';
import type { Runs } from './runs.ts';

/** Use cases of looking at several runs at once. */
export class RunComparison {
  readonly #context: StudioContext;
  readonly #runs: Runs;

  constructor(context: StudioContext, runs: Runs) {
    this.#context = context;
    this.#runs = runs;
  }

  /** Curves in the order of the runs and series that were asked for; a series that a run has no points of is left out. */
  curves({ runs: references, series, axis, points }: z.output<typeof curvesRequestSchema>): Curve[] {
    const { store } = this.#context;
    return references.flatMap((reference) => {
      const run = this.#runs.find(reference);
      const along = axisOf(store, run, axis);
      return series.flatMap((name): Curve[] => {
        const { x, y } = thin(readCurve(store, run.id, name), points);
        return x.length === 0 ? [] : [{ run: run.id, series: name, x: x.map(along), y }];
      });
    });
  }

  /**
   * Runs side by side: what differs, what each gained and forgot, which are best, and whether one is better than another.
   * @throws StrataError NOT_FOUND for a run that is not there; BAD_INPUT for a baseline that is none of the runs.
   */
  async compare({ runs: references, baseline, gain }: z.output<typeof comparisonRequestSchema>): Promise<Comparison> {
    const { store } = this.#context;
    const runs = references.map((reference) => this.#runs.show(reference));
    refuseDoubles(runs);
    const comparability = comparabilityOf(await this.#withTokenizers(runs));
    const matched = this.#matched(runs, comparability, gain);
    const reasons = matched.reason === null ? comparability.reasons : [...comparability.reasons, matched.reason];
    return {
      runs,
      differences: differencesOf(runs, comparability),
      comparability: { ...comparability, reasons },
      points: tradeOffsOf(runs, comparability),
      matched: matched.value,
      verdicts: baseline === null ? [] : await verdictsOf(store, runs, this.#baselineOf(runs, baseline), comparability),
    };
  }

  #baselineOf(runs: readonly RunSummary[], reference: string): RunSummary {
    const { id, name } = this.#runs.find(reference);
    const run = runs.find((each) => each.id === id);
    if (run) return run;
    throw new StrataError('BAD_INPUT', 'The baseline is none of the compared runs.', {
      found: `run "${name}"`,
      allowed: runs.map((each) => each.name).join(', '),
      hint: 'Name it among the runs, too.',
    });
  }

  /** Forgetting where runs had gained the same: what was asked for, else the largest gain that all of them reached. */
  #matched(
    runs: readonly RunSummary[],
    { unit, measures }: Comparability,
    wanted: number | undefined,
  ): { value: Comparison['matched']; reason: string | null } {
    if (!measures.includes('gain') || !measures.includes('forgetting')) return { value: null, reason: null };
    const courses = runs.flatMap((run) => {
      const onNew = unitFactor(run, 'new', unit);
      const onOld = unitFactor(run, 'old', unit);
      const { id, stepsDone } = run;
      if (onNew === null || onOld === null) return [];
      const course = courseOf(this.#context.store, id, stepsDone);
      return course.largestGain === null ? [] : [{ id, course, largest: course.largestGain, onNew, onOld }];
    });
    if (courses.length < 2) return { value: null, reason: null };
    const shared = Math.min(...courses.map(({ largest, onNew }) => largest * onNew));
    const gain = wanted ?? shared;
    if (gain <= 0) return { value: null, reason: words('said.noSharedGain') };
    const rows = runs.map(({ id }) => {
      const found = courses.find((each) => each.id === id);
      if (!found) return { run: id, forgetting: null, step: null };
      const { course, largest, onNew, onOld } = found;
      // In nats; what was multiplied and is divided again may have lost its last digit.
      const target = gain <= largest * onNew ? Math.min(gain / onNew, largest) : gain / onNew;
      const reached = atGain(course.around(target), target);
      return { run: id, forgetting: reached && reached.forgetting * onOld, step: reached && reached.step };
    });
    return { value: { gain, runs: rows }, reason: null };
  }

  /** Tokenizers are only looked at where the runs do not start from the same model. */
  async #withTokenizers(runs: readonly RunSummary[]): Promise<Parameters<typeof comparabilityOf>[0]> {
    const folders = new Map(listModels(this.#context.store).map(({ id, path }) => [id, path]));
    const isOneBase = new Set(runs.map(({ configuration }) => configuration.baseModel.hash)).size === 1;
    const known = new Map<string, Promise<string | null>>();
    return Promise.all(
      runs.map(async (run) => {
        const { hash, id } = run.configuration.baseModel;
        const find = (): Promise<string | null> => tokenizerHash([folders.get(id), run.modelPath ?? undefined]);
        if (!isOneBase && !known.has(hash)) known.set(hash, find());
        return { ...run, tokenizer: isOneBase ? null : await known.get(hash)! };
      }),
    );
  }
}

/** @throws StrataError BAD_INPUT: a run beside itself would be told as two. */
function refuseDoubles(runs: readonly RunSummary[]): void {
  if (new Set(runs.map(({ id }) => id)).size === runs.length) return;
  throw new StrataError('BAD_INPUT', 'A run was named more than once.', {
    found: runs.map(({ name }) => name).join(', '),
    allowed: 'different runs, each once',
  });
}

/** What can be compared of each run that has any of it, in the comparison's unit. */
function tradeOffsOf(runs: readonly RunSummary[], { unit, measures }: Comparability): Comparison['points'] {
  const points = runs.flatMap((run) => {
    const of = (measure: ComparedMeasure): number | null => (measures.includes(measure) ? inUnit(run, measure, unit) : null);
    const estimate = (value: number | null, error: number | null, role: Role): Estimate | null =>
      value === null ? null : { value, error: error === null ? null : error * unitFactor(run, role, unit)! };
    const gain = estimate(of('gain'), run.gainError, 'new');
    const forgetting = estimate(of('forgetting'), run.forgettingError, 'old');
    const drift = of('drift');
    return gain || forgetting || drift !== null ? [{ run: run.id, gain, forgetting, drift }] : [];
  });
  const best = bestTradeOffs(points.map(({ gain, forgetting }) => ({ gain: gain?.value ?? null, forgetting: forgetting?.value ?? null })));
  return points.map((point, index) => ({ ...point, isBest: best[index]! }));
}

/** Of the first folder that still has its tokenizer; null where none has: a deleted model leaves its runs. */
async function tokenizerHash(folders: readonly (string | undefined)[]): Promise<string | null> {
  for (const folder of folders) {
    if (folder === undefined) continue;
    try {
      return createHash('sha256')
        .update(await readFile(join(folder, 'tokenizer.json')))
        .digest('hex');
    } catch {
      continue; // deleted, or without a tokenizer
    }
  }
  return null;
}
