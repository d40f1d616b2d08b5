/** What can be pressed, and may stand in the place of something else that was. */
const PRESSABLE = 'button,a,[role=menuitem]';

/** A button as it was when it was pressed: it may be drawn anew under the same name. */
interface Pressed {
  element: Element;
  name: string;
}

/**
 * A double click does what a single one does. Many a button is followed by another in its place, "Ask all" by "Stop": the second of two clicks
 * in a row was meant for the first one, and is not given to the other. Keys, and clicks after a pause, always are.
 * @returns ends it.
 */
export function guardDoubleClicks(): () => void {
  let first: Pressed | null = null;
  const look = (event: MouseEvent): void => {
    const element = event.target instanceof Element ? event.target.closest(PRESSABLE) : null;
    const pressed = element && { element, name: nameOf(element) };
    if (event.detail < 2) {
      first = pressed;
    } else if (pressed && pressed.element !== first?.element && pressed.name !== first?.name) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  };
  addEventListener('click', look, { capture: true });
  return () => removeEventListener('click', look, { capture: true });
}

function nameOf(element: Element): string {
  return element.getAttribute('aria-label') ?? element.textContent.trim();
}
