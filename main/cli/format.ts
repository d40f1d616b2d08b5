import { styleText } from 'node:util';

/** Numbers and tables as people read them. Pure: no terminal is asked anything but whether it shows colour. */

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** 1,234 -> "1,234"; 2,828,736 -> "2.83 M". */
export function shortCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return count(value);
}

export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} kB`;
  return `${value} B`;
}

export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds); // before it is divided: 119.7 s are 2 min 0 s, not 1 min 60 s
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A loss in nats per token. */
export function loss(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : value.toFixed(4);
}

/** A change of loss, with its sign. */
export function change(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : `${value >= 0 ? '+' : ''}${value.toFixed(4)}`;
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

/** Rows under headings, columns as wide as their widest cell; numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]!.length)));
  const isNumeric = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[-+]?[\d,.]+( ?[A-Za-z%]+)?$|^-$/.test(row[column]!)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [styleText('bold', line(headings)), ...rows.map(line)].join('\n');
}

/** "label   value" lines with the values aligned. */
export function fields(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length));
  return entries.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n');
}

/** Names of trained tensors by block, blocks with the same together: "blocks 2, 5: self_attn.q_proj, ..."; the prefix and `.weight` left out. */
export function tensorsByBlock(names: readonly string[]): string[] {
  const byBlock = new Map<string | undefined, string[]>();
  for (const name of names) {
    const [, block, tensor] = /^model\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
    byBlock.set(block, [...(byBlock.get(block) ?? []), (tensor ?? name).replace(/\.weight$/, '')]);
  }
  const byTensors = new Map<string, string[]>();
  for (const [block, tensors] of byBlock) {
    const list = tensors.join(', ');
    if (block !== undefined) byTensors.set(list, [...(byTensors.get(list) ?? []), block]);
  }
  const lines = [...byTensors].map(([list, blocks]) => `${blocks.length === 1 ? 'block' : 'blocks'} ${blocks.join(', ')}: ${list}`);
  const outside = byBlock.get(undefined);
  return outside ? [...lines, `outside the blocks: ${outside.join(', ')}`] : lines;
}
