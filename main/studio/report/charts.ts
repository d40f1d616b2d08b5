import { html, type Content, type Markup } from './markup.ts';
import { type Scale, scaleOf } from './scale.ts';

/** Charts of a report as SVG: drawn once, coloured by the page's style, so that they follow light, dark and paper. */

const WIDTH = 640;
const HEIGHT = 300;
const FRAME = { left: 62, right: 16, top: 14, bottom: 44 };
const INNER_X = [FRAME.left, WIDTH - FRAME.right] as const;
/** Upwards: the least value lies at the bottom. */
const INNER_Y = [HEIGHT - FRAME.bottom, FRAME.top] as const;

/** A curve; `look` is a class of the style: its colour and dash. */
export interface Line {
  look: string;
  x: readonly number[];
  y: readonly number[];
}

export interface Axes {
  x: string;
  y: string;
}

export function lineChart(description: string, axes: Axes, lines: readonly Line[]): Markup {
  const x = scaleOf(
    lines.flatMap((line) => line.x),
    INNER_X,
    6,
    true,
  );
  const y = scaleOf(
    lines.flatMap((line) => line.y),
    INNER_Y,
    5,
  );
  const paths = lines.map((line) => {
    const points = line.x.map((value, index) => `${round(x.place(value))},${round(y.place(line.y[index]!))}`);
    if (points.length > 1) return html`<polyline class="line ${line.look}" points="${points.join(' ')}" />`;
    return html`<circle class="dot ${line.look}" cx="${round(x.place(line.x[0]!))}" cy="${round(y.place(line.y[0]!))}" r="3.5" />`;
  });
  return frame(description, axes, x, y, paths);
}

/** A run on the chart of gain against forgetting; errors are standard errors. */
export interface TradeOffMark {
  label: string;
  look: string;
  gain: { value: number; error: number | null };
  forgetting: { value: number; error: number | null };
  isBest: boolean;
  isBaseline: boolean;
}

/** Upper left is best: much gained, little forgotten. Bars are one standard error to each side. */
export function tradeOffChart(description: string, unit: string, marks: readonly TradeOffMark[]): Markup {
  const ends = ({ value, error }: TradeOffMark['gain']): number[] => [value - (error ?? 0), value + (error ?? 0)];
  const x = scaleOf([0, ...marks.flatMap(({ forgetting }) => ends(forgetting))], INNER_X, 6);
  const y = scaleOf(
    marks.flatMap(({ gain }) => ends(gain)),
    INNER_Y,
    5,
  );
  const best = marks.filter(({ isBest }) => isBest).sort((a, b) => a.forgetting.value - b.forgetting.value);
  const front = best.map(({ gain, forgetting }) => `${round(x.place(forgetting.value))},${round(y.place(gain.value))}`).join(' ');
  const drawn = marks.map((mark) => {
    const [cx, cy] = [round(x.place(mark.forgetting.value)), round(y.place(mark.gain.value))];
    const [left, right] = ends(mark.forgetting).map((value) => round(x.place(value)));
    const [low, high] = ends(mark.gain).map((value) => round(y.place(value)));
    const ring = mark.isBaseline ? html`<circle class="ring" cx="${cx}" cy="${cy}" r="9" />` : null;
    // Where a point lies near the right edge its number goes to the other side.
    const isRight = cx > INNER_X[1] - 30;
    return html`<g class="${mark.look}">
      <path class="error" d="M${left!} ${cy}H${right!}M${cx} ${low!}V${high!}" />
      ${ring}<circle class="${mark.isBest ? 'dot' : 'dot hollow'}" cx="${cx}" cy="${cy}" r="5" />
      <text class="mark" x="${cx + (isRight ? -9 : 9)}" y="${cy - 8}" text-anchor="${isRight ? 'end' : 'start'}">${mark.label}</text>
    </g>`;
  });
  const line = best.length > 1 ? html`<polyline class="front" points="${front}" />` : null;
  return frame(description, { x: `forgetting, ${unit}`, y: `gain, ${unit}` }, x, y, [line, drawn]);
}

function frame(description: string, axes: Axes, x: Scale, y: Scale, content: Content): Markup {
  const [bottom, top] = INNER_Y;
  const [left, right] = INNER_X;
  const rows = y.ticks.map((tick) => {
    const at = round(y.place(tick));
    return html`<path class="grid" d="M${left} ${at}H${right}" /><text class="tick" x="${left - 8}" y="${at + 4}" text-anchor="end"
        >${y.label(tick)}</text
      >`;
  });
  const columns = x.ticks.map((tick) => {
    const at = round(x.place(tick));
    return html`<path class="grid" d="M${at} ${top}V${bottom}" /><text class="tick" x="${at}" y="${bottom + 17}" text-anchor="middle"
        >${x.label(tick)}</text
      >`;
  });
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">
    ${rows}${columns}
    <path class="axis" d="M${left} ${bottom}H${right}" />
    <text class="axis-name" x="${(left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${axes.x}</text>
    <text class="axis-name" transform="translate(13 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${axes.y}</text>
    ${content}
  </svg>`;
}

/** Tenths of a pixel are finer than anybody sees. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
