import type { Page } from 'playwright-core';
import type { DialogAnswers } from './electron-stand-in.ts';

/** The desktop program as a person has it, whatever it runs in: the stand-in with Chromium, or Electron itself. */
export interface Desktop {
  /** The page in the window; another one after the window was closed and opened again. */
  readonly page: Page;
  /** What the page complained about so far. */
  readonly complaints: string[];
  /** The person's own folder: settings, logs and the workspace lie in it. */
  readonly folder: string;
  /** What every dialog of that name is answered with from now on. */
  answer<Name extends keyof DialogAnswers>(name: Name, answer: DialogAnswers[Name]): Promise<void>;
  /** What dialogs of that name were asked, in their order. */
  asked(name: keyof DialogAnswers): Promise<Record<string, unknown>[]>;
  /** Chooses an item of the menu. */
  menu(...labels: string[]): Promise<void>;
  /** As the button in the window's frame does. */
  closeWindow(): Promise<void>;
  isWindowVisible(): Promise<boolean>;
  /** A second start of the program with this on its command line. */
  startAgain(word: string): Promise<void>;
  /** Loses the page's way to the studio, where that can be done from outside. */
  losePort?(): Promise<void>;
  /** Asks the program to quit; resolves once it has. */
  quit(): Promise<void>;
  /** For the end of the tests, whatever has happened. */
  stop(): Promise<void>;
}
