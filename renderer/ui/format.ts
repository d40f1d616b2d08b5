/** Numbers as people read them, with units. Absent values are dashes. */

export const DASH = '–';

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : value.toLocaleString('en-US');
}

export function shortCount(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return count(value);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} kB` : `${value} B`;
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
  return value === null || value === undefined ? DASH : value.toFixed(3);
}

/** A change of loss with its sign; the minus is the typographic one, and what rounds to nothing has none. */
export function change(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const digits = Math.abs(value).toFixed(3);
  const sign = Number(digits) === 0 ? '' : value > 0 ? '+' : '\u2212';
  return sign + digits;
}

/** A change of loss with its standard error where that is known. */
export function changeWithError(estimate: { value: number; error: number | null } | null | undefined): string {
  return estimate ? `${change(estimate.value)}${errorOf(estimate.error)}` : DASH;
}

function errorOf(error: number | null): string {
  return error === null ? '' : ` ± ${error.toFixed(3)}`;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? DASH : `${Number((share * 100).toFixed(1))} %`;
}

export function when(iso: string): string {
  return new Date(iso).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}
