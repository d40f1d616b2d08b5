import type { BrowserWindowConstructorOptions, Session, WebContents, WebFrameMain } from 'electron';
import { isAppUrl } from './protocol.ts';
import { LEAST_SIZE } from './window-state.ts';

/** All of the desktop host's secure defaults. */

/** Sites that a link in the studio may open, in the user's own browser. */
const EXTERNAL_HOSTS: ReadonlySet<string> = new Set(['arxiv.org', 'github.com', 'huggingface.co']);

/** Options of the studio's window: the page is sandboxed, cannot see Node, and reaches only what the preload exposes. */
export function windowOptions(preloadPath: string): BrowserWindowConstructorOptions {
  return {
    minWidth: LEAST_SIZE.width,
    minHeight: LEAST_SIZE.height,
    show: false,
    webPreferences: {
      preload: preloadPath,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  };
}

/** The studio needs no camera, microphone, place or device, and nobody is asked for them. */
export function denyPermissions(
  session: Pick<Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'>,
): void {
  session.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
}

/** Keeps a page where it is: no navigation away, no new windows, no embedded views. Known sites open in the user's browser. */
export function confineContents(contents: Pick<WebContents, 'on' | 'setWindowOpenHandler'>, openExternal: (url: string) => void): void {
  const stay = (details: { preventDefault(): void; url: string }): void => {
    if (!isAppUrl(details.url)) details.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (isAllowedExternal(url)) openExternal(url);
    return { action: 'deny' };
  });
}

/** Whether a link may leave the studio: https, a site of the list, no user name that makes it look like one. */
export function isAllowedExternal(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password } = new URL(url);
  return protocol === 'https:' && port === '' && username === '' && password === '' && EXTERNAL_HOSTS.has(hostname);
}

/** Whether a message comes from the studio's own page: its top frame, showing a page of our scheme. */
export function isTrustedSender(frame: Pick<WebFrameMain, 'url' | 'parent'> | null): boolean {
  return frame !== null && frame.parent === null && isAppUrl(frame.url);
}
