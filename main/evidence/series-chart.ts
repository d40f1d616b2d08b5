import { html, type Markup } from '../studio/report/markup.ts';
import { DARK, LIGHT } from '../studio/report/page.ts';
import { scaleOf } from '../studio/report/scale.ts';

/** A chart as a picture of its own, an SVG that a document shows: means with their intervals, a legend at the side, for light and dark pages. */

/** Both intervals as half widths; null where there is none. */
export interface SeriesPoint {
  x: number;
  y: number;
  xHalf: number | null;
  yHalf: number | null;
}

/** `colour` counts from 1 to 10. Points are joined in their order. */
export interface Series {
  name: string;
  colour: number;
  dash?: string;
  points: readonly SeriesPoint[];
}

const SIZE = { width: 980, height: 420 };
const PLOT = { left: 64, right: 690, top: 16, bottom: 372 };
const LEGEND = { left: 716, first: 30, row: 21 };

const STYLE = `
  :root { ${LIGHT} }
  @media (prefers-color-scheme: dark) { :root { ${DARK} } }
  text { font: 12px system-ui, sans-serif; fill: var(--muted); }
  .name { fill: var(--text); }
  .page { fill: var(--surface); }
  .grid { stroke: var(--grid); }
  .named { stroke: var(--grey); stroke-dasharray: 2 3; }
  .axis { stroke: var(--muted); }
  .series { stroke: var(--ink); fill: none; stroke-width: 1.75; stroke-linejoin: round; }
  .interval { stroke: var(--ink); stroke-width: 1; opacity: 0.7; }
  .dot { fill: var(--ink); }`;

/** A place on the x axis that has a name. */
export interface NamedPlace {
  x: number;
  name: string;
}

/**
 * @param axes what lies on them, with units.
 * @param places are named along the upper edge.
 */
export function seriesChart(
  description: string,
  axes: { x: string; y: string },
  series: readonly Series[],
  places: readonly NamedPlace[] = [],
): string {
  const points = series.flatMap((each) => each.points);
  const x = scaleOf(
    points.flatMap((point) => ends(point.x, point.xHalf)),
    [PLOT.left, PLOT.right],
    7,
  );
  const y = scaleOf(
    points.flatMap((point) => ends(point.y, point.yHalf)),
    [PLOT.bottom, PLOT.top],
    6,
  );
  const rows = y.ticks.map((tick) => {
    const at = tenth(y.place(tick));
    return html`<path class="grid" d="M${PLOT.left} ${at}H${PLOT.right}" /><text x="${PLOT.left - 8}" y="${at + 4}" text-anchor="end"
        >${y.label(tick)}</text
      >`;
  });
  const columns = x.ticks.map((tick) => {
    const at = tenth(x.place(tick));
    return html`<path class="grid" d="M${at} ${PLOT.top}V${PLOT.bottom}" /><text x="${at}" y="${PLOT.bottom + 17}" text-anchor="middle"
        >${x.label(tick)}</text
      >`;
  });
  const place = (point: SeriesPoint): [x: number, y: number] => [tenth(x.place(point.x)), tenth(y.place(point.y))];
  const drawn = series.map(({ colour, dash, points: own }) => {
    const path = own.map((point) => place(point).join(',')).join(' ');
    const dots = own.map((point) => {
      const [left, top] = place(point);
      const [low, high] = ends(point.y, point.yHalf).map((value) => tenth(y.place(value)));
      const [from, to] = ends(point.x, point.xHalf).map((value) => tenth(x.place(value)));
      return html`<path class="interval" d="M${left} ${low!}V${high!}M${from!} ${top}H${to!}" /><circle
          class="dot"
          cx="${left}"
          cy="${top}"
          r="3.5"
        />`;
    });
    return html`<g style="--ink: var(--run-${colour})"
      ><polyline class="series" stroke-dasharray="${dash ?? 'none'}" points="${path}" />${dots}</g
    >`;
  });
  const legend = series.map(({ name, colour, dash }, index) => {
    const top = LEGEND.first + index * LEGEND.row;
    return html`<g style="--ink: var(--run-${colour})"
      ><path class="series" stroke-dasharray="${dash ?? 'none'}" d="M${LEGEND.left} ${top}h26" /><circle
        class="dot"
        cx="${LEGEND.left + 13}"
        cy="${top}"
        r="3.5"
      /><text class="name" x="${LEGEND.left + 34}" y="${top + 4}">${name}</text></g
    >`;
  });
  const names = places.map(({ x: at, name }) => {
    const left = tenth(x.place(at));
    return html`<path class="grid named" d="M${left} ${PLOT.top}V${PLOT.bottom}" /><text
        transform="translate(${left + 13} ${PLOT.top + 2}) rotate(-90)"
        text-anchor="end"
        >${name}</text
      >`;
  });
  return picture(description, html`${rows}${columns}${names}${axisLines(axes)}${drawn}${legend}`);
}

function axisLines(axes: { x: string; y: string }): Markup {
  const middle = { x: (PLOT.left + PLOT.right) / 2, y: (PLOT.top + PLOT.bottom) / 2 };
  return html`<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}" />
    <text class="name" x="${middle.x}" y="${SIZE.height - 10}" text-anchor="middle">${axes.x}</text>
    <text class="name" transform="translate(15 ${middle.y}) rotate(-90)" text-anchor="middle">${axes.y}</text>`;
}

function picture(description: string, content: Markup): string {
  const { width, height } = SIZE;
  const size = html`width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return html`<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${description}">
    <title>${description}</title>
    <style>
      ${STYLE}
    </style>
    <rect class="page" width="${width}" height="${height}" rx="8" />
    ${content}
  </svg> `.text;
}

function ends(value: number, half: number | null): [number, number] {
  return [value - (half ?? 0), value + (half ?? 0)];
}

/** Tenths of a pixel are finer than anybody sees. */
function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
