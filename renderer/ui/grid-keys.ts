import type { Attachment } from 'svelte/attachments';

const STEPS: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
};

/**
 * Lets the arrow keys go from one cell's control to that of the cell beside, above or below, in a table that would take hundreds of
 * presses of Tab. Cells without a control are passed over.
 */
export const gridKeys: Attachment<HTMLTableElement> = (table) => {
  const move = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    const cell = (event.target as HTMLElement).closest('td');
    if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey || (event.target as HTMLElement).matches('input[type=text]'))
      return;
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    let [row, column] = [rows.indexOf(cell.parentElement as HTMLTableRowElement), cell.cellIndex];
    for (;;) {
      row += step[0];
      column += step[1];
      const next = rows[row]?.cells[column];
      if (!next) return;
      const control = next.querySelector<HTMLElement>('a, button, input');
      if (!control) continue;
      event.preventDefault();
      control.focus();
      return;
    }
  };
  table.addEventListener('keydown', move);
  return () => table.removeEventListener('keydown', move);
};
