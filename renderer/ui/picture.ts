import { type LegendEntry, legendLines } from './legend-lines.ts';
import { imageOfPage } from './page-image.ts';

/** Charts as pictures: what is drawn on the page, with its title and legend, on the page's own ground. */

/** Properties that a drawing takes from the page's style sheets and would lose outside of the page. */
const DRAWN_WITH = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linejoin',
  'opacity',
  'fill-opacity',
  // One by one: their shorthand is empty where figures have one width.
  'font-family',
  'font-size',
  'font-weight',
  'font-style',
  'font-variant-numeric',
  'text-anchor',
  'paint-order',
];
const [MARGIN, TITLE_HEIGHT, LEGEND_HEIGHT] = [16, 34, 20];
/** Pixels of the picture for one of the page. */
const SCALE = 2;

/**
 * The chart in an element as a PNG file.
 * @throws Error when there is neither a canvas in it nor an element with `data-chart`
 */
export async function pictureOf(chart: HTMLElement, title: string, legend: readonly LegendEntry[]): Promise<Blob> {
  const drawn = chart.querySelector('canvas') ?? chart.querySelector<SVGSVGElement | HTMLElement>('[data-chart]');
  if (!drawn) throw new Error('There is no chart to make a picture of.');
  const { width, height } = drawn.getBoundingClientRect();
  const style = getComputedStyle(chart);
  const colour = (name: string): string => style.getPropertyValue(name).trim();

  const picture = document.createElement('canvas');
  const context = picture.getContext('2d')!;
  context.font = `12px ${colour('--font')}`;
  const lines = legendLines(legend, width, (text) => context.measureText(text).width);
  picture.width = (width + 2 * MARGIN) * SCALE;
  picture.height = (height + 2 * MARGIN + TITLE_HEIGHT + lines.length * LEGEND_HEIGHT) * SCALE;
  context.scale(SCALE, SCALE);
  context.fillStyle = colour('--surface');
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = colour('--text');
  context.font = `600 16px ${colour('--font')}`;
  context.fillText(title, MARGIN, MARGIN + 16);
  context.font = `12px ${colour('--font')}`;
  for (const [row, line] of lines.entries()) {
    for (const { label, colour: stroke, x } of line) {
      const y = MARGIN + TITLE_HEIGHT + row * LEGEND_HEIGHT;
      context.fillStyle = stroke;
      context.fillRect(MARGIN + x, y + 3, 14, 4);
      context.fillStyle = colour('--text-muted');
      context.fillText(label, MARGIN + x + 20, y + 9);
    }
  }
  const top = MARGIN + TITLE_HEIGHT + lines.length * LEGEND_HEIGHT;
  context.drawImage(await imageOf(drawn, width, height), MARGIN, top, width, height);
  return new Promise((resolve, reject) =>
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be written.'))), 'image/png'),
  );
}

function imageOf(drawn: SVGSVGElement | HTMLElement, width: number, height: number): Promise<CanvasImageSource> {
  if (drawn instanceof HTMLCanvasElement) return Promise.resolve(drawn);
  return drawn instanceof SVGSVGElement ? imageOfDrawing(drawn, width, height) : imageOfPage(drawn, width, height);
}

/** The drawing as an image, with the styles written into it that the page gives it. */
async function imageOfDrawing(drawing: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const copies = copy.querySelectorAll('*');
  for (const [index, element] of drawing.querySelectorAll('*').entries()) {
    const style = getComputedStyle(element);
    copies[index]!.setAttribute('style', DRAWN_WITH.map((property) => `${property}:${style.getPropertyValue(property)}`).join(';'));
  }
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}
