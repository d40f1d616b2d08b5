import { locale, words } from '../../shared/words/words.ts';

/** Numbers as people read them in the language in use, with units. Absent values are dashes. */

export const DASH = '–';
/** The typographic minus, as wide as a plus. */
const MINUS = '\u2212';

/** A number with so many digits after the point, which the language may write as a comma. */
export function fixed(value: number, digits: number): string {
  return value.toLocaleString(locale().numbers, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
}

/** A number with so many digits after the point, times a power of ten: 2.00 × 10⁻⁴. */
export function inPowers(value: number, digits: number): string {
  if (value === 0) return '0';
  const [mantissa, exponent] = value.toExponential(digits).split('e') as [string, string];
  return `${fixed(Number(mantissa), digits)} × 10${superscript(Number(exponent))}`;
}

function superscript(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
  return exponent < 0 ? `⁻${digits}` : digits;
}

/** A number with at most so many significant digits; what is tiny stays in powers of ten. */
export function significant(value: number, digits: number): string {
  if (value !== 0 && Math.abs(value) < 1e-6) {
    const [mantissa] = Number(value.toPrecision(digits)).toExponential().split('e') as [string];
    return inPowers(value, Math.min(digits - 1, mantissa.split('.')[1]?.length ?? 0));
  }
  return value.toLocaleString(locale().numbers, { maximumSignificantDigits: digits, useGrouping: false });
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : value.toLocaleString(locale().numbers);
}

export function shortCount(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1e9) return words('ui.billions', { value: fixed(value / 1e9, 2) });
  if (value >= 1e6) return words('ui.millions', { value: fixed(value / 1e6, 2) });
  if (value >= 1e4) return words('ui.thousands', { value: fixed(value / 1e3, 0) });
  return count(value);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1e9) return `${fixed(value / 1e9, 2)} GB`;
  if (value >= 1e6) return `${fixed(value / 1e6, 1)} MB`;
  return value >= 1e3 ? `${fixed(value / 1e3, 1)} kB` : `${count(value)} B`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return DASH;
  const whole = Math.round(seconds); // before it is divided: 119.7 s are 2 min 0 s, not 1 min 60 s
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A loss in nats per token. */
export function loss(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : fixed(value, 3);
}

/** A change of loss with its sign; what rounds to nothing has none. */
export function change(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const sign = Number(Math.abs(value).toFixed(3)) === 0 ? '' : value > 0 ? '+' : MINUS;
  return sign + fixed(Math.abs(value), 3);
}

/** A change of loss with its standard error where that is known. */
export function changeWithError(estimate: { value: number; error: number | null } | null | undefined): string {
  return estimate ? `${change(estimate.value)}${errorOf(estimate.error)}` : DASH;
}

function errorOf(error: number | null): string {
  return error === null ? '' : ` ± ${fixed(error, 3)}`;
}

/** A share of one as percent, with one digit where it has one. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return DASH;
  return `${(share * 100).toLocaleString(locale().numbers, { maximumFractionDigits: 1, useGrouping: false })} %`;
}

export function when(iso: string): string {
  return new Date(iso).toLocaleString(locale().dates, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}
