import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';

/** How a hub is reached; the environment's variables are those of the Python client, so that one set-up serves both. */
export interface HubSettings {
  /** Address without a slash at its end; null for the hub that the client knows. */
  endpoint: string | null;
  token: string | null;
  /** Nothing is asked over the network. */
  isOffline: boolean;
  /** Where the Python client keeps what it has downloaded. */
  cacheDirectory: string;
}

export interface HubOptions {
  endpoint?: string;
  token?: string;
  offline?: boolean;
}

const TRUE = ['1', 'on', 'yes', 'true'];

/**
 * Options first, then HF_ENDPOINT; HF_TOKEN, else the file that HF_TOKEN_PATH names, else the one in the client's folder; HF_HUB_OFFLINE;
 * HF_HUB_CACHE, else HF_HOME, else the system's cache folder.
 * @throws StrataError BAD_INPUT for an endpoint that is no address, a token that cannot be one, or one that would be sent in the clear.
 */
export async function hubSettings(options: HubOptions = {}, environment: NodeJS.ProcessEnv = process.env): Promise<HubSettings> {
  const hubHome = environment.HF_HOME || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  const endpoint = parseEndpoint(options.endpoint || environment.HF_ENDPOINT || '');
  const isInTheClear = endpoint !== null && !isProtected(new URL(endpoint));
  if (options.token && isInTheClear) {
    throw new StrataError('BAD_INPUT', 'A token is not sent over a connection that anyone can read.', {
      found: endpoint,
      allowed: 'an https address, or a server on this machine',
      hint: 'Use an https endpoint (HF_ENDPOINT), or leave the token out.',
    });
  }
  const isOffline = options.offline ?? TRUE.includes((environment.HF_HUB_OFFLINE ?? '').toLowerCase());
  return {
    endpoint,
    token: isInTheClear ? null : await findToken(options.token, environment, hubHome),
    isOffline,
    cacheDirectory: environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(hubHome, 'hub'),
  };
}

function parseEndpoint(text: string): string | null {
  if (text === '') return null;
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new StrataError('BAD_INPUT', "That is not a hub's address.", {
      found: text,
      allowed: 'an address such as https://hub.example.org',
      hint: 'HF_ENDPOINT, or the endpoint that was given, must be one; leave both out for the public hub.',
    });
  }
  return url.href.replace(/\/+$/, '');
}

/** Whether nobody on the way can read what is sent there. */
function isProtected({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

async function findToken(given: string | undefined, environment: NodeJS.ProcessEnv, hubHome: string): Promise<string | null> {
  const file = environment.HF_TOKEN_PATH || join(hubHome, 'token');
  const token = (given || environment.HF_TOKEN || (await readFile(file, 'utf8').catch(() => ''))).trim();
  if (token === '') return null;
  if (!/^[\x21-\x7e]{1,4096}$/.test(token)) {
    // What was found is not shown: it may be a token with something pasted beside it.
    throw new StrataError('BAD_INPUT', 'The token cannot be one.', {
      found: given ? 'what was given' : environment.HF_TOKEN ? 'HF_TOKEN' : file,
      allowed: 'one word without spaces, such as hf_...',
      hint: "Copy it again from the account's settings on the hub.",
    });
  }
  return token;
}
