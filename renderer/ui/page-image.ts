/** A part of the page as an image: its elements as they are laid out, drawn by the browser inside an SVG. */

/** Properties that an element takes from the page's style sheets and would lose outside of the page. */
const LAID_OUT_WITH = [
  // Its box
  'display',
  'position',
  'top',
  'right',
  'bottom',
  'left',
  'box-sizing',
  'width',
  'height',
  'min-width',
  'max-width',
  'margin',
  'padding',
  'overflow',
  'vertical-align',
  // its edges
  'border-top',
  'border-right',
  'border-bottom',
  'border-left',
  'border-radius',
  'border-collapse',
  'border-spacing',
  'outline',
  'outline-offset',
  // its colours and text
  'background-color',
  'background-image',
  'color',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'font-style',
  'line-height',
  'letter-spacing',
  'font-variant-numeric',
  'text-align',
  'text-overflow',
  'text-decoration',
  'white-space',
  // and what arranges it
  'grid-template-columns',
  'gap',
  'align-items',
  'justify-content',
  'place-items',
  'flex',
];

const SVG = 'http://www.w3.org/2000/svg';

/** @param width of the element in pixels, as it is laid out; so is the height. */
export async function imageOfPage(element: HTMLElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = element.cloneNode(true) as HTMLElement;
  const copies = [copy, ...copy.querySelectorAll<HTMLElement>('*')];
  for (const [index, original] of [element, ...element.querySelectorAll<HTMLElement>('*')].entries()) {
    const style = getComputedStyle(original);
    const laidOut = LAID_OUT_WITH.map((property) => `${property}:${style.getPropertyValue(property)}`).join(';');
    copies[index]!.setAttribute('style', `${laidOut};${original === element ? 'margin:0' : ''}`);
  }
  // Said to who does not look; in a picture there is nothing but looking.
  for (const hidden of copy.querySelectorAll('.visually-hidden')) hidden.remove();
  const drawing = document.createElementNS(SVG, 'svg');
  const page = document.createElementNS(SVG, 'foreignObject');
  for (const each of [drawing, page]) {
    each.setAttribute('width', String(width));
    each.setAttribute('height', String(height));
  }
  page.append(copy);
  drawing.append(page);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(drawing))}`;
  await image.decode();
  return image;
}
