import { html, type Content, type Markup } from './markup.ts';
import { type Scale, scaleOf } from './scale.ts';

/** Charts of a report as SVG: drawn once, coloured by the page's style, so that they follow light, dark and paper. */

/** Size in the units that text is 12 of: one that has a row of the page for itself, and one of two side by side. */
const WIDE = { width: 1040, height: 400 };
const HALF = { width: 500, height: 270 };
const MARGIN = { left: 62, right: 16, top: 14, bottom: 44 };

/** Where a chart's values lie: x to the right, y upwards. */
interface Area {
  width: number;
  height: number;
  x: [left: number, right: number];
  y: [bottom: number, top: number];
}

function areaOf({ width, height }: { width: number; height: number }): Area {
  return { width, height, x: [MARGIN.left, width - MARGIN.right], y: [height - MARGIN.bottom, MARGIN.top] };
}

/** A curve; `look` is a class of the style: its colour. */
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
  const area = areaOf(HALF);
  const all = (values: (line: Line) => readonly number[]): number[] => lines.flatMap(values);
  const x = scaleOf(
    all((line) => line.x),
    area.x,
    5,
    true,
  );
  const y = scaleOf(
    all((line) => line.y),
    area.y,
    5,
  );
  const paths = lines.map((line) => {
    const points = line.x.map((value, index) => `${round(x.place(value))},${round(y.place(line.y[index]!))}`);
    if (points.length > 1) return html`<polyline class="line ${line.look}" points="${points.join(' ')}" />`;
    return html`<circle class="dot ${line.look}" cx="${round(x.place(line.x[0]!))}" cy="${round(y.place(line.y[0]!))}" r="3.5" />`;
  });
  return frame(description, axes, area, x, y, paths);
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
  const area = areaOf(WIDE);
  const ends = ({ value, error }: TradeOffMark['gain']): [number, number] => [value - (error ?? 0), value + (error ?? 0)];
  const x = scaleOf([0, ...marks.flatMap(({ forgetting }) => ends(forgetting))], area.x, 8);
  const y = scaleOf(
    marks.flatMap(({ gain }) => ends(gain)),
    area.y,
    6,
  );
  const places = marks.map(({ gain, forgetting }) => ({ x: round(x.place(forgetting.value)), y: round(y.place(gain.value)) }));
  const drawn = marks.map(({ gain, forgetting, look, isBest, isBaseline }, index) => {
    const { x: cx, y: cy } = places[index]!;
    const [left, right] = ends(forgetting).map((value) => round(x.place(value)));
    const [low, high] = ends(gain).map((value) => round(y.place(value)));
    return html`<g class="${look}">
      <path class="error" d="M${left!} ${cy}H${right!}M${cx} ${low!}V${high!}" />
      ${isBaseline && html`<circle class="ring" cx="${cx}" cy="${cy}" r="10" />`}<circle
        class="${isBest ? 'dot' : 'dot hollow'}"
        cx="${cx}"
        cy="${cy}"
        r="5"
      />
    </g>`;
  });
  const labels = marks.map(({ label, look }, index) => {
    const { x: left, y: top, anchor } = labelPlace(index, places, area);
    return html`<text class="mark ${look}" x="${left}" y="${top}" text-anchor="${anchor}">${label}</text>`;
  });
  const best = marks.flatMap(({ isBest }, index) => (isBest ? [places[index]!] : [])).sort((a, b) => a.x - b.x);
  const front = best.length > 1 && html`<polyline class="front" points="${best.map((place) => `${place.x},${place.y}`).join(' ')}" />`;
  return frame(description, { x: `forgetting, ${unit}`, y: `gain, ${unit}` }, area, x, y, [front, drawn, labels]);
}

interface Place {
  x: number;
  y: number;
}

/** Corners around a point, from its middle to the middle of its number, in the order in which they are tried. */
const CORNERS = [
  [1, -1],
  [-1, -1],
  [1, 1],
  [-1, 1],
] as const;

/** Beside its point, in the first corner that no other point is in and that lies on the chart. */
function labelPlace(index: number, places: readonly Place[], area: Area): Place & { anchor: 'start' | 'end' } {
  const point = places[index]!;
  const isFree = ([right, down]: readonly [number, number]): boolean => {
    const middle = { x: point.x + right * 16, y: point.y + down * 12 };
    const isInside = middle.x > area.x[0] + 8 && middle.x < area.x[1] - 8 && middle.y > area.y[1] && middle.y < area.y[0];
    return isInside && places.every((other, each) => each === index || Math.hypot(other.x - middle.x, other.y - middle.y) > 15);
  };
  const [right, down] = CORNERS.find(isFree) ?? CORNERS[0];
  return { x: point.x + right * 10, y: point.y + (down > 0 ? 18 : -9), anchor: right > 0 ? 'start' : 'end' };
}

function frame(description: string, axes: Axes, area: Area, x: Scale, y: Scale, content: Content): Markup {
  const [left, right] = area.x;
  const [bottom, top] = area.y;
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
  return html`<svg class="chart" viewBox="0 0 ${area.width} ${area.height}" role="img" aria-label="${description}">
    ${rows}${columns}
    <path class="axis" d="M${left} ${bottom}H${right}" />
    <text class="axis-name" x="${(left + right) / 2}" y="${area.height - 6}" text-anchor="middle">${axes.x}</text>
    <text class="axis-name" transform="translate(13 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${axes.y}</text>
    ${content}
  </svg>`;
}

/** Tenths of a pixel are finer than anybody sees. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
