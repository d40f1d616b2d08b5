import type { Layer } from './layers.ts';

export const gapKey = (after: number): string => `gap:${after}`;

/** A line of the picture: a block, or the gap above the last of what belongs to a base block. */
export interface PictureRow {
  /** Its own through all changes: what has the focus stays as it is while others come and go. */
  key: string;
  /** The block; of a gap the one below it. */
  layer: Layer;
  isGap: boolean;
}

/** Gaps and blocks from the top. @param layers the topmost first @param hasGaps copies can be inserted */
export function pictureRows(layers: readonly Layer[], hasGaps: boolean): PictureRow[] {
  return layers.flatMap((layer) => [
    ...(hasGaps && layer.isLastOfBase ? [{ key: gapKey(layer.after), layer, isGap: true }] : []),
    { key: layer.key, layer, isGap: false },
  ]);
}

/** Heights of a block in pixels, from far to near. */
export const BLOCK_HEIGHTS = [18, 24, 32] as const;
export type Zoom = 0 | 1 | 2;

/** A tall model begins small. */
export function firstZoom(layers: number): Zoom {
  if (layers > 40) return 0;
  return layers > 16 ? 1 : 2;
}

/** From so many blocks on they do not fit into sight, and are also shown at a glance. */
export function isTall(layers: number): boolean {
  return layers > 20;
}
