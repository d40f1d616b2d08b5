import { nearestGap } from './places.ts';

/** What is dragged: a block from the tray, or one that is in the plan already. */
export type Dragged = { kind: 'new' } | { kind: 'move'; planIndex: number; label: string };

/** A press becomes a drag after so many pixels, so that a click stays one. */
const THRESHOLD_PX = 5;
/** Let go further than this beside the picture, nothing happens. */
const REACH_PX = 80;
/** So near to an edge the picture scrolls under the drag, by so much a frame. */
const EDGE_PX = 36;
const SCROLL_PX = 8;

/** A block on its way to a gap, with mouse, pen or finger. Keys do the same without it. */
export class PlannerDrag {
  /** Null while nothing is dragged. */
  item = $state.raw<Dragged | null>(null);
  /** In the window. */
  point = $state.raw({ x: 0, y: 0 });
  /** The base block of the gap that it would go to; null where it would go nowhere. */
  target = $state<number | null>(null);
  readonly #box: () => HTMLElement | undefined;
  readonly #onDrop: (item: Dragged, after: number) => void;
  #pressed: { item: Dragged; x: number; y: number } | null = null;
  #frame = 0;
  /** The press that has just ended was a drag: the click that follows it means nothing. */
  hasDragged = false;

  /** @param box the scrolling picture, whose gaps carry `data-gap`. */
  constructor(box: () => HTMLElement | undefined, onDrop: (item: Dragged, after: number) => void) {
    this.#box = box;
    this.#onDrop = onDrop;
  }

  press(event: PointerEvent, item: Dragged): void {
    if (event.button !== 0 || !event.isPrimary) return;
    this.hasDragged = false;
    this.#pressed = { item, x: event.clientX, y: event.clientY };
  }

  /** To be told of every movement of the pointer in the window. */
  move(event: PointerEvent): void {
    if (!this.#pressed) return;
    const { x, y, item } = this.#pressed;
    if (!this.item && Math.hypot(event.clientX - x, event.clientY - y) < THRESHOLD_PX) return;
    event.preventDefault();
    if (!this.item) {
      this.item = item;
      this.#frame = requestAnimationFrame(() => this.#scroll());
    }
    this.point = { x: event.clientX, y: event.clientY };
    this.target = this.#gapAt(event.clientX, event.clientY);
  }

  release(): void {
    const { item, target } = this;
    this.hasDragged = item !== null;
    this.cancel();
    if (item && target !== null) this.#onDrop(item, target);
  }

  cancel(): void {
    this.#pressed = null;
    this.item = null;
    this.target = null;
    cancelAnimationFrame(this.#frame);
  }

  #gapAt(x: number, y: number): number | null {
    const box = this.#box();
    const frame = box?.getBoundingClientRect();
    if (!box || !frame || x < frame.left - REACH_PX || x > frame.right + REACH_PX) return null;
    if (y < frame.top - EDGE_PX || y > frame.bottom + EDGE_PX) return null;
    const gaps = [...box.querySelectorAll<HTMLElement>('[data-gap]')].map((gap) => {
      const { top, bottom } = gap.getBoundingClientRect();
      return { after: Number(gap.dataset.gap), middle: (top + bottom) / 2 };
    });
    return nearestGap(
      y,
      gaps.filter(({ middle }) => middle >= frame.top && middle <= frame.bottom),
    );
  }

  /** As long as the pointer rests at an edge. */
  #scroll(): void {
    const box = this.#box();
    if (!box || !this.item) return;
    const { top, bottom } = box.getBoundingClientRect();
    const { x, y } = this.point;
    if (y < top + EDGE_PX) box.scrollTop -= SCROLL_PX;
    else if (y > bottom - EDGE_PX) box.scrollTop += SCROLL_PX;
    this.target = this.#gapAt(x, y);
    this.#frame = requestAnimationFrame(() => this.#scroll());
  }
}
