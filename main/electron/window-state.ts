import type { BrowserWindow, Rectangle } from 'electron';
import { z } from 'zod';

/** Where the window was, so that it comes back there: also after a screen was taken away. */

const whole = z.number().int().min(-100_000).max(100_000);
export const windowStateSchema = z.object({
  x: whole,
  y: whole,
  width: whole.min(1),
  height: whole.min(1),
  isMaximized: z.boolean(),
  isFullScreen: z.boolean(),
});
export type WindowState = z.infer<typeof windowStateSchema>;

export const DEFAULT_SIZE = { width: 1280, height: 860 } as const;
export const LEAST_SIZE = { width: 720, height: 520 } as const;
/** So much of the window's upper edge must be on a screen that a person can take hold of it. */
const HANDLE = { width: 120, height: 40 } as const;
/** Moving a window tells of every pixel; it is written down once it has come to rest. */
const REST_MS = 500;

/**
 * The place and size to open a window with.
 * @param workAreas of the screens that there are now, the main one first.
 * @returns without x and y where the system is to choose the place.
 */
export function placeWindow(
  saved: WindowState | null,
  workAreas: readonly Rectangle[],
): Partial<Rectangle> & { width: number; height: number } {
  const screen = saved && workAreas.find((area) => isHeldOn(saved, area));
  if (!saved || !screen) return within(saved ?? DEFAULT_SIZE, workAreas[0]);
  const size = within(saved, screen);
  return {
    ...size,
    x: clamp(saved.x, screen.x, screen.x + screen.width - size.width),
    y: clamp(saved.y, screen.y, screen.y + screen.height - size.height),
  };
}

function isHeldOn(saved: Rectangle, area: Rectangle): boolean {
  const across = Math.min(saved.x + saved.width, area.x + area.width) - Math.max(saved.x, area.x);
  return across >= HANDLE.width && saved.y >= area.y - HANDLE.height && saved.y + HANDLE.height <= area.y + area.height;
}

function within({ width, height }: { width: number; height: number }, area: Rectangle | undefined): { width: number; height: number } {
  return {
    width: Math.max(LEAST_SIZE.width, Math.min(width, area?.width ?? width)),
    height: Math.max(LEAST_SIZE.height, Math.min(height, area?.height ?? height)),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}

type Watched = Pick<BrowserWindow, 'getNormalBounds' | 'isMaximized' | 'isFullScreen' | 'isDestroyed'> & {
  on(event: 'resize' | 'move' | 'close', listener: () => void): unknown;
};

/** Writes down where a window is, whenever it comes to rest and when it closes. */
export function rememberWindow(window: Watched, save: (state: WindowState) => void): void {
  let timer: NodeJS.Timeout | undefined;
  const keep = (): void => {
    clearTimeout(timer);
    if (window.isDestroyed()) return;
    save({ ...window.getNormalBounds(), isMaximized: window.isMaximized(), isFullScreen: window.isFullScreen() });
  };
  const keepSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(keep, REST_MS);
  };
  window.on('resize', keepSoon);
  window.on('move', keepSoon);
  window.on('close', keep);
}
