/** What a key does in the picture of the model; the arrows go as the picture does, with the output on top. */
export type PlannerAction =
  | { name: 'go'; by: number }
  | { name: 'first' }
  | { name: 'last' }
  | { name: 'insert' }
  | { name: 'remove' }
  /** The inserted block moves by so many gaps, upwards when positive. */
  | { name: 'move'; by: 1 | -1 }
  | { name: 'toggle' }
  | { name: 'undo' }
  | { name: 'redo' };

/** Blocks and gaps that a page key passes. */
const PAGE = 10;

/** What is asked of a keyboard event. */
interface Key {
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

/** @returns null for a key that means nothing here, and is left to whoever else wants it. */
export function actionOf({ key, altKey, ctrlKey, metaKey, shiftKey }: Key): PlannerAction | null {
  if ((ctrlKey || metaKey) && !altKey) {
    const letter = key.toLowerCase();
    if (letter === 'z') return { name: shiftKey ? 'redo' : 'undo' };
    return letter === 'y' && !shiftKey ? { name: 'redo' } : null;
  }
  if (ctrlKey || metaKey || shiftKey) return null;
  if (altKey) {
    if (key === 'ArrowUp') return { name: 'move', by: 1 };
    return key === 'ArrowDown' ? { name: 'move', by: -1 } : null;
  }
  switch (key) {
    case 'ArrowUp':
      return { name: 'go', by: -1 };
    case 'ArrowDown':
      return { name: 'go', by: 1 };
    case 'PageUp':
      return { name: 'go', by: -PAGE };
    case 'PageDown':
      return { name: 'go', by: PAGE };
    case 'Home':
      return { name: 'first' };
    case 'End':
      return { name: 'last' };
    case 'Insert':
    case '+':
      return { name: 'insert' };
    case 'Delete':
    case 'Backspace':
      return { name: 'remove' };
    case 'f':
    case 'F':
      return { name: 'toggle' };
    default:
      return null;
  }
}
