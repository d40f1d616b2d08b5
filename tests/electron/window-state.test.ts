import { expect, test } from 'vitest';
import { placeWindow } from '../../main/electron/window-state.ts';

const main = { x: 0, y: 0, width: 1920, height: 1040 };
const second = { x: 1920, y: 0, width: 1280, height: 1000 };
const at = (x: number, y: number, width = 1000, height = 700): Parameters<typeof placeWindow>[0] => ({
  ...{ x, y, width, height },
  isMaximized: false,
  isFullScreen: false,
});

test.each([
  ['nothing is known', null, [main], { width: 1280, height: 860 }],
  ['it was on this screen', at(100, 50), [main], { x: 100, y: 50, width: 1000, height: 700 }],
  ['it was on the second screen', at(2000, 50), [main, second], { x: 2000, y: 50, width: 1000, height: 700 }],
  ['its screen is gone', at(2000, 50), [main], { width: 1000, height: 700 }],
  ['it stood half outside', at(1500, 50), [main], { x: 920, y: 50, width: 1000, height: 700 }],
  ['its upper edge is out of reach', at(100, -900), [main], { width: 1000, height: 700 }],
  ['the screen has become small', at(0, 0, 3000, 2000), [main], { x: 0, y: 0, width: 1920, height: 1040 }],
])('%s', (_what, saved, areas, expected) => {
  expect(placeWindow(saved, areas)).toEqual(expected);
});
