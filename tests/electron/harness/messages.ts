/** What the program under the stand-in and the test with its browser tell each other: plain values over Node's channel between processes. */

/** From the program. */
export type FromProgram =
  | { type: 'load'; url: string }
  | { type: 'reload' }
  | { type: 'closed' }
  /** `webContents.send`, or a port for the page. */
  | { type: 'send'; channel: string; value: unknown }
  | { type: 'port'; channel: string; port: number }
  | { type: 'port-message'; port: number; data: unknown }
  | { type: 'port-closed'; port: number }
  | { type: 'answer'; number: number; value: unknown }
  | { type: 'failed'; number: number; message: string };

/** What the test asks the program, each with an answer. */
export interface Questions {
  /** The page wants a file of the scheme. */
  fetch: { asked: { method: string; url: string }; answer: { status: number; headers: Record<string, string>; body: Uint8Array } };
  /** `ipcRenderer.invoke` and `send`, from a frame that shows this. */
  invoke: { asked: { channel: string; values: unknown[]; frame: string }; answer: unknown };
  send: { asked: { channel: string; values: unknown[]; frame: string }; answer: null };
  /** Whether the page may go there, and whether a window may open. */
  navigate: { asked: { url: string }; answer: boolean };
  openWindow: { asked: { url: string }; answer: boolean };
  /** The page has begun to load, or has loaded. */
  contents: { asked: { event: 'did-start-loading' | 'did-finish-load' }; answer: null };
  readyToShow: { asked: null; answer: null };
  /** What the test plays, and what it looks at. */
  answerDialog: { asked: { name: string; answer: unknown }; answer: null };
  called: { asked: { what: string }; answer: unknown[][] };
  menu: { asked: { labels: string[] }; answer: null };
  closeWindow: { asked: null; answer: null };
  emit: { asked: { event: string; values: unknown[] }; answer: null };
  state: { asked: null; answer: ProgramState };
}

export interface ProgramState {
  windows: { isVisible: boolean; progress: number[]; zoom: number }[];
  tray: string | null;
  notifications: { title: string; body: string }[];
}

export type ToProgram =
  | { type: 'ask'; number: number; what: keyof Questions; asked: unknown }
  | { type: 'port-message'; port: number; data: unknown }
  | { type: 'port-closed'; port: number };
