export type Cell = string | number | null;

/** A table as RFC 4180 has it: commas, lines ended by CR LF, quotes around what holds either or a quote. What is null is empty. */
export function csvOf(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [columns, ...rows].map((row) => row.map(fieldOf).join(',') + '\r\n').join('');
}

function fieldOf(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
