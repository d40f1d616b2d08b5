import type { TrainPreview } from '../../../shared/contract/training.ts';

type Row = TrainPreview['mixture'][number];

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The mark of a dataset, as the command line has it, too. */
export function letterOf(index: number): string {
  return LETTERS[index] ?? '·';
}

/** A colour of the dataset's role: the further down among its role, the closer to the text's colour, so that a letter on it stays readable. */
export function colourOf(rows: readonly Pick<Row, 'role'>[], index: number): string {
  const { role } = rows[index]!;
  const place = rows.slice(0, index).filter((row) => row.role === role).length;
  const among = rows.filter((row) => row.role === role).length;
  const mixed = among < 2 ? 0 : Math.round((55 * place) / (among - 1));
  return `color-mix(in oklab, var(--chart-${role}) ${100 - mixed}%, var(--text))`;
}

/** Consecutive windows of the same dataset as words: "18 × code, 1 × stories". */
export function asWords(windows: readonly number[], rows: readonly Row[]): string {
  const runs: { index: number; length: number }[] = [];
  for (const index of windows) {
    const last = runs.at(-1);
    if (last?.index === index) last.length++;
    else runs.push({ index, length: 1 });
  }
  return runs.map(({ index, length }) => `${length} × ${rows[index]?.name ?? '?'}`).join(', ');
}

/** Share of each dataset at each point of the run's curve, 0 to 1: a list for each row of the mixture. */
export function sharesOverRun({ mixture, replayCurve }: Pick<TrainPreview, 'mixture' | 'replayCurve'>): number[][] {
  const sumOf = (role: Row['role']): number => mixture.reduce((sum, row) => sum + (row.role === role ? row.share : 0), 0);
  const sums = { new: sumOf('new'), old: sumOf('old') };
  return mixture.map(({ role, share }) =>
    replayCurve.map((point) => (share === 0 ? 0 : (share / sums[role]) * (role === 'old' ? point.share : 1 - point.share))),
  );
}

/** The same stacked: for each dataset the outline of its band, in a box of 100 by 100, old data at the bottom. */
export function bandsOf(preview: Pick<TrainPreview, 'mixture' | 'replayCurve'>): { index: number; points: string }[] {
  const { mixture, replayCurve } = preview;
  const shares = sharesOverRun(preview);
  const order = mixture.map((_, index) => index).sort((a, b) => Number(mixture[b]!.role === 'old') - Number(mixture[a]!.role === 'old'));
  let below = replayCurve.map(() => 0);
  return order.flatMap((index) => {
    if (mixture[index]!.share === 0) return [];
    const above = below.map((each, at) => each + shares[index]![at]!);
    const place = (at: number, height: number): string => `${(100 * at).toFixed(2)},${(100 - 100 * height).toFixed(2)}`;
    const top = replayCurve.map(({ at }, point) => place(at, above[point]!));
    const bottom = replayCurve.map(({ at }, point) => place(at, below[point]!)).reverse();
    below = above;
    return [{ index, points: [...top, ...bottom].join(' ') }];
  });
}
