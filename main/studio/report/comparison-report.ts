import type { Comparison } from '../../../shared/contract/comparison.ts';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { lineChart, type TradeOffMark, tradeOffChart } from './charts.ts';
import { count, estimate, loss, percent, section, setting, signed, tableOf } from './figures.ts';
import { html, type Content, type Markup, named } from './markup.ts';
import { COLOURS, page, type ReportFacts } from './page.ts';

/** Names of units, as figures have them. */
const UNITS = { nats: 'nats per token', bits: 'bits per byte', none: '' } as const;

const VERDICT_WORDS = { better: 'better', worse: 'worse', 'cannot-tell': 'cannot tell' } as const;

/** Runs are numbered in the order they were named in; charts and tables call them by these numbers. */
interface Numbered extends RunSummary {
  number: number;
  /** Class of its colour. */
  look: string;
}

/** Several runs as a page to send to somebody: which trade is best, how they went, who is better, and what differs. */
export function comparisonReport(comparison: Comparison, baseline: string | null, facts: ReportFacts): string {
  const runs = numberedRuns(comparison, baseline);
  const title = `Comparison of ${runs.length} runs`;
  return page(
    title,
    facts,
    html`<header>
      <h1>${title}</h1>
      <p class="lead">${lead(runs, baseline)}</p>
    </header>`,
    warnings(comparison),
    tradeOff(comparison, runs, baseline),
    table(comparison, runs, baseline),
    courses(facts, runs, comparison),
    matched(comparison, runs),
    verdicts(comparison, runs, baseline),
    differences(comparison, runs),
    notes(runs),
  );
}

/** The baseline and the best trades get colours first: where there are more runs than colours, these must not be grey. */
function numberedRuns({ runs, points }: Comparison, baseline: string | null): Numbered[] {
  const best = new Set(points.filter(({ isBest }) => isBest).map(({ run }) => run));
  const rank = ({ id }: RunSummary): number => (id === baseline ? 0 : best.has(id) ? 1 : 2);
  const coloured = runs.length <= COLOURS ? runs : runs.toSorted((a, b) => rank(a) - rank(b)).slice(0, COLOURS);
  return runs.map((run, index) => ({
    ...run,
    number: index + 1,
    look: coloured.includes(run) ? `run-${coloured.indexOf(run) + 1}` : 'rest',
  }));
}

function lead(runs: readonly Numbered[], baseline: string | null): Content {
  const pinned = runs.find(({ id }) => id === baseline);
  return pinned
    ? html`Others are compared with ${pinned.number}, ${named(pinned.name)}, the baseline.`
    : 'Gain is the drop of held-out loss on new text, forgetting its rise on old text, each against the model before step 1.';
}

function warnings({ comparability: { unit, reasons } }: Comparison): Content {
  if (reasons.length === 0) return null;
  return section(
    unit === 'none' ? 'These runs cannot be compared' : 'To keep in mind',
    reasons.map((reason) => html`<p>${reason}</p>`),
  );
}

function tradeOff({ points, comparability }: Comparison, runs: readonly Numbered[], baseline: string | null): Content {
  const unit = UNITS[comparability.unit];
  const marks = points.flatMap(({ run, gain, forgetting, isBest }): TradeOffMark[] => {
    const { number, look } = numbered(runs, run);
    return gain === null || forgetting === null
      ? []
      : [{ label: String(number), look, gain, forgetting, isBest, isBaseline: run === baseline }];
  });
  if (marks.length === 0) return null;
  return section(
    'Gain against forgetting',
    tradeOffChart('Gain against forgetting of each run, with standard errors', unit, marks),
    html`<p class="note">
      Further up is more gained, further left is less forgotten. Bars are one standard error to each side. Filled points on the dashed line
      are the best trades: no other run gains as much and forgets less.${baseline === null ? null : ' The ring is the baseline.'}
    </p>`,
  );
}

function table({ points, comparability }: Comparison, runs: readonly Numbered[], baseline: string | null): Markup {
  const rows = runs.map((run) => {
    const point = points.find((each) => each.run === run.id);
    const mark = [...(run.id === baseline ? ['baseline'] : []), ...(point?.isBest ? ['best trade'] : [])].join(', ');
    return [
      label(run),
      estimate(point?.gain?.value ?? null, point?.gain?.error),
      estimate(point?.forgetting?.value ?? null, point?.forgetting?.error),
      loss(point?.drift ?? null),
      percent(run.replayShare),
      run.method,
      `${count(run.stepsDone)} of ${count(run.steps)}`,
      run.status,
      mark,
    ];
  });
  const unit = UNITS[comparability.unit];
  const headings = ['Run', `Gain${unit && `, ${unit}`}`, 'Forgetting', 'Drift', 'Replay', 'Method', 'Steps', 'Status', ''];
  return section('The runs', tableOf(headings, rows, [1, 2, 3, 4, 6]));
}

function courses({ curves }: ReportFacts, runs: readonly Numbered[], { comparability }: Comparison): Content {
  if (comparability.unit !== 'nats') return null; // by step in nats per token: of other texts or tokenizers they would mislead
  const comparable = (['new', 'old'] as const).filter((role) => comparability.measures.includes(role === 'new' ? 'gain' : 'forgetting'));
  const charts = comparable.flatMap((role) => {
    // Grey ones first, so that they lie below.
    const lines = curves
      .filter(({ series }) => series === `loss.${role}`)
      .map(({ run, x, y }) => ({ look: numbered(runs, run).look, x, y }))
      .sort((a, b) => Number(b.look === 'rest') - Number(a.look === 'rest'));
    if (lines.length === 0) return [];
    const axes = { x: 'step', y: 'nats per token' };
    return [
      html`<div>
        <h3>Held-out loss on ${role} text</h3>
        ${lineChart(`Held-out loss on ${role} text by step, of each run`, axes, lines)}
      </div>`,
    ];
  });
  if (charts.length === 0) return null;
  const shown = runs.filter(({ look }) => look !== 'rest').map((run) => html`<li>${label(run)}</li>`);
  const rest = runs.length > COLOURS ? html`<li><span class="swatch rest"></span>the others</li>` : null;
  return section(
    'How they went',
    html`<ul class="legend">
        ${shown}${rest}
      </ul>
      <div class="charts">${charts}</div>`,
  );
}

function matched({ matched: at, comparability }: Comparison, runs: readonly Numbered[]): Content {
  if (!at) return null;
  const sorted = [...at.runs].sort((a, b) => (a.forgetting ?? Infinity) - (b.forgetting ?? Infinity));
  const rows = sorted.map(({ run, forgetting, step }) => [
    label(numbered(runs, run)),
    forgetting === null ? 'did not gain as much' : signed(forgetting),
    step === null ? setting(null) : count(step),
  ]);
  return section(
    'Forgetting at equal gain',
    html`<p>
      Each run where it had gained ${signed(at.gain)} ${UNITS[comparability.unit]}, between the two measurements around it, on the windows
      that were measured on the way. At equal steps whoever learns more slowly seems to forget less.
    </p>`,
    tableOf(['Run', 'Forgetting there', 'At step'], rows, [1, 2]),
  );
}

function verdicts({ verdicts: list, comparability }: Comparison, runs: readonly Numbered[], baseline: string | null): Content {
  if (list.length === 0 || baseline === null) return null;
  const rows = list.map(({ run, measure, difference, interval, verdict, reason }) => [
    label(numbered(runs, run)),
    measure,
    signed(difference),
    interval ? `${signed(interval[0])} to ${signed(interval[1])}` : setting(null),
    html`<span class="${verdict}">${VERDICT_WORDS[verdict]}</span>${reason === null ? null : html` <span class="note">${reason}</span>`}`,
  ]);
  return section(
    'Against the baseline',
    html`<p>
      Differences to ${named(numbered(runs, baseline).name)} in ${UNITS[comparability.unit]}, over the same documents. A run is called
      better or worse only where the whole 95 % interval lies on one side of zero; of twenty comparisons of equal runs, one comes out so by
      chance.
    </p>`,
    tableOf(['Run', 'Measure', 'Difference', '95 % interval', 'Verdict'], rows, [2, 3]),
  );
}

function differences({ differences: fields }: Comparison, runs: readonly Numbered[]): Content {
  const entries = Object.entries(fields);
  if (entries.length === 0) return section('What differs', html`<p class="muted">Nothing.</p>`);
  const tables = Array.from({ length: Math.ceil(runs.length / RUNS_ABREAST) }, (_, index) => {
    const shown = runs.slice(index * RUNS_ABREAST, (index + 1) * RUNS_ABREAST);
    const headings = ['Setting or result', ...shown.map(({ number, look }) => html`<span class="swatch ${look}"></span>${number}`)];
    const rows = entries.map(([name, values]) => [
      html`<span class="setting-name">${name}</span>`,
      ...shown.map(({ number }) => html`<span class="value">${setting(values[number - 1])}</span>`),
    ]);
    return tableOf(headings, rows);
  });
  return section('What differs', tables);
}

/** Of a table whose cells are texts, on a page as wide as a sheet of paper. */
const RUNS_ABREAST = 5;

function notes(runs: readonly Numbered[]): Content {
  const noted = runs.filter(({ note, tags }) => note !== '' || tags.length > 0);
  if (noted.length === 0) return null;
  return section(
    'Notes',
    noted.map(
      (run) =>
        html`<h3>${label(run)}</h3>
          <p>${run.tags.map((tag) => html`<span class="tag">${named(tag)}</span>`)}</p>
          <p class="text">${run.note}</p>`,
    ),
  );
}

function label({ number, look, name }: Numbered): Markup {
  return html`<span class="swatch ${look}"></span>${number} ${named(name)}`;
}

function numbered(runs: readonly Numbered[], id: string): Numbered {
  return runs.find((run) => run.id === id)!;
}
