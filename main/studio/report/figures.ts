import { structureInWords } from '../../../shared/domain/value-words.ts';
import { html, type Content, type Markup } from './markup.ts';

/** Numbers and tables of a report, as people read them. */

const NOTHING = '\u2013';

/** A figure with its sign and, where it is known, its standard error. */
export function estimate(value: number | null, error: number | null = null): string {
  if (value === null) return NOTHING;
  return error === null ? signed(value) : `${signed(value)} \u00b1 ${error.toFixed(4)}`;
}

export function signed(value: number | null): string {
  return value === null ? NOTHING : `${value >= 0 ? '+' : '\u2212'}${Math.abs(value).toFixed(4)}`;
}

export function loss(value: number | null, error: number | null = null): string {
  if (value === null) return NOTHING;
  return error === null ? value.toFixed(4) : `${value.toFixed(4)} \u00b1 ${error.toFixed(4)}`;
}

export function count(value: number | null): string {
  return value === null ? NOTHING : Math.round(value).toLocaleString('en-US');
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

export function bytes(value: number | null): string {
  if (value === null) return NOTHING;
  return value >= 1e9 ? `${(value / 1e9).toFixed(2)} GB` : `${(value / 1e6).toFixed(1)} MB`;
}

export function duration(seconds: number | null): string {
  if (seconds === null) return NOTHING;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function moment(text: string | null): string {
  return text === null ? NOTHING : `${text.slice(0, 16).replace('T', ' ')} UTC`;
}

/** Any setting, in a cell. */
export function setting(value: unknown): string {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return typeof value === 'object' ? structureInWords(value) : String(value as string | boolean);
}

/** A table in a frame of its own that scrolls where the page is narrow. Columns named in `numbers` are written to the right. */
export function tableOf(headings: readonly Content[], rows: readonly (readonly Content[])[], numbers: readonly number[] = []): Markup {
  const align = (column: number): string => (numbers.includes(column) ? 'number' : '');
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${headings.map((heading, column) => html`<th scope="col" class="${align(column)}">${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, column) => html`<td class="${align(column)}">${cell}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

export function section(title: string, ...content: readonly Content[]): Markup {
  return html`<section>
    <h2>${title}</h2>
    ${content}
  </section>`;
}
