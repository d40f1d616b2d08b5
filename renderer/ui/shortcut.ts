import { words } from '../../shared/words/words.ts';

/** Whether this machine's command key is ⌘. */
const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** What the key that commands are given with is called here. */
export function commandKey(): string {
  return IS_APPLE ? '⌘' : words('ui.controlKey');
}

/** Whether a key was pressed together with the command key, and no other. */
export function isCommand(event: KeyboardEvent, key: string): boolean {
  const command = IS_APPLE ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  return command && !event.altKey && !event.shiftKey && event.key.toLowerCase() === key;
}
