/**
 * Fields of config.json that are fractions by their meaning. JSON.stringify writes 4 for 4.0, which Python reads as a whole number, and transformers
 * warns of a factor that is one.
 */
const FRACTIONS = new Set([
  ...['rms_norm_eps', 'rope_theta', 'initializer_range', 'attention_dropout', 'partial_rotary_factor'],
  ...['factor', 'low_freq_factor', 'high_freq_factor', 'beta_fast', 'beta_slow', 'attention_factor', 'mscale', 'mscale_all_dim'],
]);

/**
 * config.json as text, indented as transformers does. A number that is in `source` at the same place keeps the text that it has there (1e-05, 500000.0);
 * of the others, those that are fractions by their meaning have a decimal point.
 * @param source the config.json that this one was derived from.
 */
export function configText(json: Readonly<Record<string, unknown>>, source: string | null = null): string {
  return write(json, source === null ? undefined : withNumberTexts(source), '', '\n') + '\n';
}

/** A number of a JSON text, as it is written there. */
class NumberText {
  readonly value: number;
  readonly text: string;

  constructor(value: number, text: string) {
    this.value = value;
    this.text = text;
  }
}

/** What JSON.parse gives, with the numbers as they are written. */
function withNumberTexts(text: string): unknown {
  // TypeScript does not know the third argument yet (ECMAScript's "JSON.parse source text access").
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? new NumberText(value, context?.source ?? String(value)) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

function write(value: unknown, source: unknown, key: string, newline: string): string {
  if (typeof value === 'number') return numberText(value, source, key);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = newline + '  ';
  const of = (at: string | number): unknown =>
    typeof source === 'object' && source !== null && Object.hasOwn(source, at) ? (source as Record<string, unknown>)[at] : undefined;
  const [open, close, entries] = Array.isArray(value)
    ? ['[', ']', value.map((each: unknown, index) => write(each ?? null, of(index), key, inner))]
    : [
        '{',
        '}',
        Object.entries(value)
          .filter(([, each]) => each !== undefined)
          .map(([name, each]) => `${JSON.stringify(name)}: ${write(each, of(name), name, inner)}`),
      ];
  return entries.length === 0 ? open + close : open + entries.map((entry) => inner + entry).join(',') + newline + close;
}

function numberText(value: number, source: unknown, key: string): string {
  if (source instanceof NumberText && source.value === value) return source.text;
  const text = JSON.stringify(value);
  return FRACTIONS.has(key) && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
