import { planOf } from '../../../shared/domain/method.ts';
import { describeMethod } from '../../../shared/domain/method-words.ts';
import { expandedBlocks } from '../../../shared/domain/plan.ts';
import type { DatasetMeasure } from '../../../shared/domain/measurement.ts';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { lineChart } from './charts.ts';
import { bytes, count, duration, estimate, loss, moment, percent, section, setting, signed, tableOf } from './figures.ts';
import { html, type Content, type Markup, named } from './markup.ts';
import { page, type ReportFacts } from './page.ts';
import { settingsOf } from './settings.ts';

/** One run as a page to send to somebody: what it gained and forgot, on what, how it went, and everything it was configured with. */
export function runReport(run: RunSummary, facts: ReportFacts): string {
  return page(
    run.name,
    facts,
    html`<header>
      <h1>${named(run.name)}</h1>
      <p class="lead">${lead(run)}</p>
    </header>`,
    headline(run),
    remarks(run),
    courses(facts),
    datasets(run),
    blocks(run),
    guard(run),
    cost(run),
    section(
      'Configuration',
      html`<dl class="settings">
        ${settingsOf(run.configuration).map(
          ([name, value]) =>
            html`<div>
              <dt class="mono">${name}</dt>
              <dd>${setting(value)}</dd>
            </div>`,
        )}
      </dl>`,
    ),
  );
}

function lead({ configuration, baseModel, status, stepsDone, steps, tokens, finishedAt, createdAt }: RunSummary): Content {
  const of = (role: 'new' | 'old'): Content => {
    const names = configuration.datasets.filter((dataset) => dataset.role === role).map(({ name }) => named(name));
    return names.map((name, index) => (index > 0 ? html`, ${name}` : name));
  };
  const hasOld = configuration.datasets.some(({ role }) => role === 'old');
  return html`${named(baseModel.name)} learned
  ${of('new')}${hasOld ? html`, with ${percent(configuration.replayShare)} replay of ${of('old')}` : null}:
  ${describeMethod(configuration.method)}. ${status}, ${count(stepsDone)} of ${count(steps)} steps, ${count(tokens.total)} tokens,
  ${moment(finishedAt ?? createdAt)}.`;
}

function headline({ gain, gainError, forgetting, forgettingError, drift, baseline, final }: RunSummary): Markup {
  const basis = (role: 'new' | 'old'): string => {
    const [before, after] = [baseline?.[role], final?.[role]];
    if (!before) return 'not measured';
    return after
      ? `${loss(before.loss)} \u2192 ${loss(after.loss)} on ${count(after.tokens)} ${role} tokens`
      : `${loss(before.loss)} before step 1`;
  };
  const figure = (name: string, value: number | null, error: number | null, meaning: string, format = signed): Markup =>
    html`<div class="figure">
      <dt>${name}</dt>
      <dd class="value">
        ${format(value)}${error === null || value === null ? null : html` <span class="error">± ${error.toFixed(4)}</span>`}
      </dd>
      <dd class="basis">${meaning}</dd>
    </div>`;
  return html`<dl class="figures">
    ${figure('Gain, nats per token', gain, gainError, basis('new'))}
    ${figure('Forgetting, nats per token', forgetting, forgettingError, basis('old'))}
    ${figure('Drift, nats per token', drift, null, final?.old && drift !== null ? `KL(base || tuned) on ${count(final.old.tokens)} old tokens` : 'not measured', loss)}
  </dl>`;
}

function remarks({ note, tags, warnings, error }: RunSummary): Content {
  if (note === '' && tags.length === 0 && warnings.length === 0 && error === null) return null;
  return section(
    'Notes',
    tags.length > 0 && html`<p>${tags.map((tag) => html`<span class="tag">${named(tag)}</span>`)}</p>`,
    note !== '' && html`<p class="text">${note}</p>`,
    error && html`<p class="worse">${error.message}${error.found ? ` (${error.found})` : ''}</p>`,
    warnings.map(({ at, text }) => html`<p class="note">${moment(at)}: ${text}</p>`),
  );
}

function courses({ curves }: ReportFacts): Content {
  const charts = (['new', 'old'] as const).flatMap((role) => {
    const lines = curves.filter(({ series }) => series === `loss.${role}`).map(({ x, y }) => ({ look: role, x, y }));
    if (lines.length === 0) return [];
    const axes = { x: 'step', y: 'nats per token' };
    return [
      html`<div>
        <h3><span class="swatch ${role}"></span>Held-out loss on ${role} text</h3>
        ${lineChart(`Held-out loss on ${role} text by step`, axes, lines)}
      </div>`,
    ];
  });
  return charts.length > 0 && section('How it went', html`<div class="charts">${charts}</div>`);
}

/** Each dataset before and after; nothing for runs from before they were measured one by one. */
function datasets({ baseline, final }: RunSummary): Content {
  const after = final?.datasets;
  if (!after || after.length === 0) return null;
  const before = new Map(baseline?.datasets?.map((measure) => [measure.datasetId, measure]));
  const row = (measure: DatasetMeasure): Content[] => {
    const first = before.get(measure.datasetId);
    const change = first ? measure.loss.value - first.loss.value : null;
    return [
      ...[named(measure.name), measure.role, first ? loss(first.loss.value, first.loss.error) : setting(null)],
      ...[
        loss(measure.loss.value, measure.loss.error),
        signed(change),
        measure.bitsPerByte ? loss(measure.bitsPerByte.value, measure.bitsPerByte.error) : setting(null),
      ],
      ...[
        measure.agreement ? percent(measure.agreement.value) : setting(null),
        measure.drift ? loss(measure.drift.value, measure.drift.error) : setting(null),
      ],
      ...[count(measure.tokens), count(measure.documents), percent(measure.coverage)],
    ];
  };
  const headings = [
    'Dataset',
    'Role',
    'Loss before',
    'Loss after',
    'Change',
    'Bits per byte',
    'Agrees with base',
    'Drift',
    'Tokens',
    'Documents',
    'Measured',
  ];
  return section('Dataset by dataset', tableOf(headings, after.map(row), [2, 3, 4, 5, 6, 7, 8, 9, 10]));
}

function blocks({ configuration, addedParameters, trainableParameters }: RunSummary): Content {
  const plan = planOf(configuration.method);
  if (!plan) return null;
  return section(
    'Where blocks were inserted',
    html`<div class="blocks">
        ${expandedBlocks(plan).map(
          ({ base, inserted }) => html`<span class="block ${inserted ? 'inserted' : ''}">${inserted ? `copy of ${base}` : base}</span>`,
        )}
      </div>
      <p class="note">
        From the first block to the last; numbers are the base's, counted from 0. ${plan.inserted.length} new, ${count(addedParameters)}
        parameters added, ${count(trainableParameters)} trained; the others were not changed.
      </p>`,
  );
}

function guard({ guardEvents, configuration }: RunSummary): Content {
  if (!configuration.guard && guardEvents.length === 0) return null;
  if (guardEvents.length === 0)
    return section('Guard', html`<p class="muted">Its limit of ${configuration.guard!.limit} was not passed.</p>`);
  const rows = guardEvents.map(({ step, action, found, limit, text }) => [count(step), action, estimate(found), String(limit), text]);
  return section('Guard', tableOf(['Step', 'Action', 'Found', 'Limit', 'What it did'], rows, [0, 2, 3]));
}

function cost({ seconds, tokensPerSecond, peakMemory, engine, tokens, identityDifference }: RunSummary): Markup {
  const facts: [string, string][] = [
    ['Time', duration(seconds)],
    ['Speed', tokensPerSecond === null ? setting(null) : `${count(tokensPerSecond)} tokens/s`],
    ['Memory at most', bytes(peakMemory)],
    ['Engine', engine ?? setting(null)],
    ['Tokens trained on', count(tokens.total)],
    ['Largest logit difference before step 1', setting(identityDifference)],
  ];
  return section(
    'What it cost',
    html`<dl class="settings">
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>`,
  );
}
