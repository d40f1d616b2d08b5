import type { runExportRequestSchema, runExportSchema } from '../../shared/contract/comparison.ts';
import { METRIC_SERIES, type RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { z } from 'zod';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { countMetrics, listMetrics } from '../store/runs.ts';
import { newId, type StudioContext } from './context.ts';
import { csvOf } from './csv.ts';
import { comparisonReport } from './report/comparison-report.ts';
import { runReport } from './report/run-report.ts';
import type { RunComparison } from './run-comparison.ts';
import type { Runs } from './runs.ts';

/** A file is made in memory and sent as one text: more than this is refused, at about 60 bytes a point. */
const MAX_POINTS = 2_000_000;

/** Points of each curve in a report: a page of paper is not wider. */
const REPORT_POINTS = 600;

type RunExportFile = z.output<typeof runExportSchema>;

/** Use case of taking runs out of Strata: tables, everything as JSON, or a report to send to somebody. */
export class RunExport {
  readonly #context: StudioContext;
  readonly #runs: Runs;
  readonly #comparison: RunComparison;

  constructor(context: StudioContext, runs: Runs, comparison: RunComparison) {
    this.#context = context;
    this.#runs = runs;
    this.#comparison = comparison;
  }

  /** @throws StrataError NOT_FOUND for a run that is not there; BAD_INPUT for more points than one file holds. */
  async export({ runs: references, format, baseline }: z.output<typeof runExportRequestSchema>): Promise<RunExportFile> {
    const runs = references.map((reference) => this.#runs.show(reference));
    const name = newId(runs.length === 1 ? runs[0]!.name : `${runs.length} runs`);
    switch (format) {
      case 'runs.csv':
        return { fileName: `${name}-runs.csv`, mediaType: 'text/csv', text: csvOf(RUN_COLUMNS, runs.map(runCells)) };
      case 'metrics.csv':
        this.#refuseTooMany(runs);
        return { fileName: `${name}-metrics.csv`, mediaType: 'text/csv', text: this.#metricsCsv(runs) };
      case 'json':
        this.#refuseTooMany(runs);
        return { fileName: `${name}.json`, mediaType: 'application/json', text: this.#json(runs) };
      case 'report.html':
        return { fileName: `${name}.html`, mediaType: 'text/html', text: await this.#report(runs, baseline) };
    }
  }

  /** @throws StrataError as {@link export}, and when the file cannot be written. */
  async writeTo(request: z.output<typeof runExportRequestSchema>, path: string): Promise<{ path: string; bytes: number }> {
    const { text } = await this.export(request);
    await writeTextAtomically(path, text);
    return { path, bytes: Buffer.byteLength(text) };
  }

  #refuseTooMany(runs: readonly RunSummary[]): void {
    const points = runs.reduce((sum, { id }) => sum + countMetrics(this.#context.store, id), 0);
    if (points <= MAX_POINTS) return;
    throw new StrataError('BAD_INPUT', 'These are too many points for one file.', {
      found: `${points} points of ${runs.length} runs`,
      allowed: `up to ${MAX_POINTS} points`,
      hint: 'Export fewer runs at once.',
    });
  }

  #metricsCsv(runs: readonly RunSummary[]): string {
    const rows = runs.flatMap(({ id, name }) =>
      listMetrics(this.#context.store, id, -1).map(({ series, step, value }) => [id, name, series, step, value]),
    );
    return csvOf(['run', 'name', 'series', 'step', 'value'], rows);
  }

  #json(runs: readonly RunSummary[]): string {
    const metricsOf = (id: string): Record<string, [number, number][]> => {
      const points = listMetrics(this.#context.store, id, -1);
      const bySeries = METRIC_SERIES.map((name) => [
        name,
        points.filter(({ series }) => series === name).map(({ step, value }): [number, number] => [step, value]),
      ]);
      return Object.fromEntries(bySeries) as Record<string, [number, number][]>;
    };
    return JSON.stringify({ schemaVersion: 1, runs: runs.map((run) => ({ ...run, metrics: metricsOf(run.id) })) }, null, 1);
  }

  async #report(runs: readonly RunSummary[], baseline: string | null): Promise<string> {
    const ids = runs.map(({ id }) => id);
    const curves = this.#comparison.curves({ runs: ids, series: ['loss.new', 'loss.old'], axis: 'step', points: REPORT_POINTS });
    const facts = { version: this.#context.version, at: new Date().toISOString(), curves };
    if (runs.length === 1) return runReport(runs[0]!, facts);
    return comparisonReport(await this.#comparison.compare({ runs: ids, baseline }), baseline && this.#runs.find(baseline).id, facts);
  }
}

const RUN_COLUMNS = [
  ...[
    'id',
    'name',
    'status',
    'tags',
    'note',
    'base model',
    'method',
    'new data',
    'old data',
    'replay share',
    'steps',
    'steps done',
    'tokens',
  ],
  ...[
    'gain',
    'gain error',
    'forgetting',
    'forgetting error',
    'drift',
    'new loss before',
    'new loss after',
    'old loss before',
    'old loss after',
  ],
  ...['learning rate', 'seed', 'added parameters', 'trained parameters', 'tokens per second', 'seconds', 'peak memory', 'engine'],
  ...['created', 'finished', 'model'],
];

function runCells(run: RunSummary): (string | number | null)[] {
  const { configuration, baseline, final } = run;
  const names = (role: 'new' | 'old'): string =>
    configuration.datasets
      .filter((dataset) => dataset.role === role)
      .map(({ name }) => name)
      .join('; ');
  return [
    ...[run.id, run.name, run.status, run.tags.join('; '), run.note, run.baseModel.name, run.method, names('new'), names('old')],
    ...[
      run.replayShare,
      run.steps,
      run.stepsDone,
      run.tokens.total,
      run.gain,
      run.gainError,
      run.forgetting,
      run.forgettingError,
      run.drift,
    ],
    ...[baseline?.new.loss ?? null, final?.new.loss ?? null, baseline?.old?.loss ?? null, final?.old?.loss ?? null],
    ...[configuration.learningRate, run.seed, run.addedParameters, run.trainableParameters, run.tokensPerSecond, run.seconds],
    ...[run.peakMemory, run.engine, run.createdAt, run.finishedAt, run.model],
  ];
}
