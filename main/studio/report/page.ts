import type { Curve } from '../../../shared/contract/comparison.ts';
import { html, type Content, Markup } from './markup.ts';

/** What a report is made with beside its runs. */
export interface ReportFacts {
  /** Of Strata. */
  version: string;
  /** When it was made. */
  at: string;
  /** Held-out losses of all its runs by step, thinned. */
  curves: readonly Curve[];
}

/** Runs beyond these are drawn in grey: nobody tells more colours apart. */
export const COLOURS = 10;

/**
 * One page that needs nothing else: its style is inside, it runs no script, and its policy forbids both scripts and requests. It is light or dark as
 * the reader's screen, and light on paper.
 */
export function page(title: string, { version, at }: ReportFacts, ...content: readonly Content[]): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="generator" content="Strata ${version}" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${content}
          <footer>
            Made with Strata ${version} at ${at.slice(0, 16).replace('T', ' ')} UTC. Losses are measured on held-out text that is never
            trained on. Figures after ± are standard errors over documents.
          </footer>
        </main>
      </body>
    </html> `.text;
}

export const LIGHT = `
  --page: #f7f6f3; --surface: #ffffff; --border: #e0ddd5; --text: #1b1a18; --muted: #5f5b52; --grid: #e6e3dc; --grey: #a7a196;
  --new: #c2500f; --old: #0b62a8; --good: #1c6b3a; --bad: #a3201d; --frozen: #b9c2cc; --frozen-text: #29323c; --new-text: #ffffff;
  --run-1: #c2500f; --run-2: #0b62a8; --run-3: #1c7c54; --run-4: #7244b5; --run-5: #a5226b; --run-6: #8a6a00; --run-7: #0a7d8c;
  --run-8: #b3261e; --run-9: #4f6b1f; --run-10: #5a5fc7;`;

export const DARK = `
  --page: #12161c; --surface: #181d25; --border: #2c343f; --text: #e6ebf0; --muted: #a9b4c0; --grid: #2a323d; --grey: #5a6675;
  --new: #f08a4b; --old: #6cb6f5; --good: #7fd39b; --bad: #ff9d95; --frozen: #465363; --frozen-text: #e6ebf0; --new-text: #1d1108;
  --run-1: #f08a4b; --run-2: #6cb6f5; --run-3: #6fcf9b; --run-4: #c3a4f0; --run-5: #f093c4; --run-6: #e2c14d; --run-7: #5fcabb;
  --run-8: #ff9d95; --run-9: #b5d273; --run-10: #a3a8ff;`;

const COLOUR_CLASSES = Array.from({ length: COLOURS }, (_, index) => `.run-${index + 1} { --ink: var(--run-${index + 1}); }`).join('\n');

const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 56px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 12px; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 6px; }
p { margin: 0 0 12px; max-width: 78ch; }
.lead { color: var(--muted); margin-bottom: 24px; overflow-wrap: anywhere; }
.note, .muted { color: var(--muted); }
.note { font-size: 13px; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.tag { display: inline-block; border: 1px solid var(--border); border-radius: 999px; padding: 0 9px; margin-right: 6px; font-size: 13px; }
section { background: var(--surface); border: 1px solid var(--border); border-radius: 10px; padding: 20px; margin-top: 20px; }
section > :last-child { margin-bottom: 0; }
.figures { display: grid; margin: 0; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; }
.figure { background: var(--surface); border: 1px solid var(--border); border-radius: 10px; padding: 14px 16px; }
.figure dt { color: var(--muted); font-size: 13px; }
.figure dd { margin: 0; }
.figure .value { font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figure .error { color: var(--muted); font-size: 14px; font-weight: 400; }
.figure .basis { color: var(--muted); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 20px; }
.charts > div { max-width: 640px; }
.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.chart .mark { fill: var(--ink); font-weight: 600; font-size: 13px; paint-order: stroke; stroke: var(--surface); stroke-width: 3px; }
.chart .grid { stroke: var(--grid); fill: none; }
.chart .axis { stroke: var(--muted); fill: none; }
.line { fill: none; stroke: var(--ink); stroke-width: 2; stroke-linejoin: round; }
.dot { fill: var(--ink); stroke: var(--ink); stroke-width: 2; }
.hollow { fill: var(--surface); }
.ring { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 2 2; }
.error { stroke: var(--ink); stroke-width: 1.25; fill: none; }
.front { fill: none; stroke: var(--muted); stroke-width: 1.5; stroke-dasharray: 5 4; }
.new { --ink: var(--new); } .old { --ink: var(--old); } .rest { --ink: var(--grey); }
.line.rest { stroke-width: 1; }
${COLOUR_CLASSES}
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; background: var(--ink); margin-right: 7px; vertical-align: -1px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 0 0 8px; padding: 0; list-style: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--border); vertical-align: top; overflow-wrap: break-word; max-width: 30ch; }
th { color: var(--muted); font-weight: 500; font-size: 13px; }
tbody tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.better { color: var(--good); font-weight: 600; } .worse { color: var(--bad); font-weight: 600; } .cannot-tell { color: var(--muted); }
.mono { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 13px; overflow-wrap: anywhere; }
.setting-name { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 12px; white-space: nowrap; }
.value { overflow-wrap: anywhere; }
.wide + .wide { margin-top: 22px; }
.blocks { display: flex; flex-wrap: wrap; gap: 5px; margin-bottom: 10px; }
.block { min-width: 34px; padding: 5px 7px; text-align: center; border-radius: 6px; font-size: 12px; background: var(--frozen); color: var(--frozen-text); }
.block.inserted { background: var(--new); color: var(--new-text); font-weight: 600; }
.settings { columns: 2 380px; column-gap: 36px; font-size: 13.5px; margin: 0; }
.settings div { break-inside: avoid; display: flex; gap: 12px; justify-content: space-between; border-bottom: 1px solid var(--border); padding: 4px 0; }
.settings dt { color: var(--muted); flex: none; } .settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
footer { color: var(--muted); font-size: 13px; margin-top: 28px; max-width: 78ch; }
@media print {
  :root { color-scheme: light; ${LIGHT} --page: #ffffff; }
  body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section, .figure { break-inside: avoid; border-color: #d5d1c8; }
  .wide { overflow: visible; }
}
@page { margin: 16mm; }
`;
