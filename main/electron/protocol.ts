import { readFile, realpath } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';

/**
 * The studio's pages come from a scheme of their own, not from file: URLs: the scheme can read one folder and nothing else, and
 * every answer carries the content policy.
 */

export const APP_SCHEME = 'strata';
export const APP_HOST = 'app';
export const APP_URL = `${APP_SCHEME}://${APP_HOST}/`;

/** To be registered before the app is ready. */
export const APP_SCHEME_PRIVILEGES = {
  scheme: APP_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
};

/**
 * Only our own files, and no connection to anywhere: pages talk to the studio through a message port. Inline styles are allowed because
 * components set sizes and positions as style attributes; they cannot carry code.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CONTENT_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Whether a URL is one of the studio's own pages. Custom schemes have no origin in Node's URL, so scheme and host are compared. */
export function isAppUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host } = new URL(url);
  return protocol === `${APP_SCHEME}:` && host === APP_HOST;
}

/**
 * The file that a page's URL means, or null when it means nothing inside `root`: another host, a path that leaves the folder (also by
 * encoded dots, backslashes or links), a broken escape. A path without a file ending is a place in the studio: index.html.
 */
export async function resolveAsset(root: string, url: string): Promise<string | null> {
  if (!isAppUrl(url)) return null;
  let path: string;
  try {
    path = decodeURIComponent(new URL(url).pathname);
  } catch {
    return null;
  }
  if (path.includes('\0') || path.includes('\\')) return null;
  const file = resolve(root, `.${path}`);
  const wanted = extname(path) === '' ? join(root, 'index.html') : file;
  if (!isInside(root, file)) return null;
  try {
    const real = await realpath(wanted);
    return isInside(await realpath(root), real) ? real : null;
  } catch {
    return null; // no such file
  }
}

function isInside(root: string, file: string): boolean {
  return file === resolve(root) || file.startsWith(resolve(root) + sep);
}

/** Answers requests of the scheme with the files below `root`; everything else is 404, every method but GET is 405. */
export function appProtocolHandler(root: string): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET') return answer(405, 'text/plain', 'Only GET is answered here.');
    const file = await resolveAsset(root, request.url);
    const contentType = file === null ? undefined : CONTENT_TYPES[extname(file)];
    if (file === null || contentType === undefined) return answer(404, 'text/plain', 'There is no such file in the studio.');
    return answer(200, contentType, await readFile(file));
  };
}

function answer(status: number, contentType: string, body: string | Uint8Array<ArrayBuffer>): Response {
  const headers = {
    'content-type': contentType,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
  return new Response(body, { status, headers });
}
