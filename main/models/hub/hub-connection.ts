import { StrataError } from '../../../shared/errors.ts';
import { type Asked, refusalOf } from './hub-answers.ts';
import { NetworkError } from './retry.ts';

const MAX_REDIRECTS = 8;
/** A listing of a thousand files is a quarter of a megabyte; more is no answer of a hub. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

interface Ask {
  headers?: Record<string, string>;
  signal: AbortSignal;
  /** The commit that the answer must belong to, where it says one. */
  commit?: string;
}

/**
 * Requests to one hub. The token goes to the hub's own address and nowhere else, whatever it redirects to; a redirect may only lead to https,
 * or to another port of the same machine.
 */
export class HubConnection {
  readonly endpoint: string;
  readonly #token: string | null;
  readonly #asked: Asked;
  readonly #stallMs: number;

  constructor(options: { endpoint: string; token: string | null; repository: string; revision: string; stallMs: number }) {
    this.endpoint = options.endpoint;
    this.#token = options.token;
    this.#stallMs = options.stallMs;
    const { endpoint, repository, revision } = options;
    this.#asked = { endpoint, repository, revision, hasToken: options.token !== null };
  }

  /**
   * `fetch` for the hub's client: every answer is a good one and of bounded size.
   * @throws StrataError in words for the user; {@link NetworkError} where another attempt may succeed.
   */
  fetchFor(signal: AbortSignal): typeof fetch {
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const headers = Object.fromEntries(new Headers(init?.headers));
      delete headers.authorization; // ours alone to add
      const timeout = AbortSignal.timeout(this.#stallMs);
      const response = await this.get(url, { headers, signal: AbortSignal.any([signal, timeout]) });
      let size = 0;
      const bounded = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES)
            controller.error(
              new StrataError('CORRUPT', 'The hub answers with more than a hub says.', {
                found: url.pathname,
                allowed: `answers of up to ${MAX_ANSWER_BYTES} bytes`,
                hint: 'Is HF_ENDPOINT the address of a hub?',
              }),
            );
          else controller.enqueue(chunk);
        },
      });
      return new Response(response.body?.pipeThrough(bounded) ?? null, { status: response.status, headers: response.headers });
    };
  }

  /** An answer with status 200 or 206, redirects followed. */
  async get(address: URL, { headers = {}, signal, commit }: Ask): Promise<Response> {
    let url = address;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      this.#checkAddress(url, address);
      const isHub = url.origin === new URL(this.endpoint).origin;
      const response = await this.#ask(url, headers, isHub, signal);
      const belongsTo = response.headers.get('x-repo-commit');
      if (isHub && commit !== undefined && belongsTo !== null && belongsTo !== commit) {
        await response.body?.cancel();
        throw new StrataError('CONFLICT', 'The repository was changed while it was being downloaded.', {
          found: `a file of commit ${belongsTo.slice(0, 40)}`,
          allowed: `files of commit ${commit}, with which the download began`,
          hint: 'Start the download again: what is the same in both is kept.',
        });
      }
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        const next = URL.parse(location, url.href);
        if (!next)
          throw new StrataError('CORRUPT', 'The hub redirects to what is no address.', {
            found: location.slice(0, 200),
            allowed: 'the address of a file',
            hint: 'Is HF_ENDPOINT the address of a hub? Something between this machine and the hub may be changing its answers.',
          });
        url = next;
        continue;
      }
      if (response.status === 200 || response.status === 206) return response;
      if (isHub) throw await refusalOf(response, this.#asked);
      await response.body?.cancel();
      // Links to where the files lie are made anew for each request, and valid for minutes.
      throw new NetworkError('The storage behind the hub does not give the file.', {
        found: `status ${response.status} of ${url.host}`,
        allowed: 'status 200',
        hint: 'Start it again: what has arrived is kept.',
      });
    }
    throw new StrataError('CORRUPT', 'The hub redirects without end.', {
      found: `${MAX_REDIRECTS} redirects from ${address.pathname}`,
      allowed: `up to ${MAX_REDIRECTS} redirects`,
      hint: 'Is HF_ENDPOINT the address of a hub? Otherwise try again later.',
    });
  }

  #checkAddress(url: URL, from: URL): void {
    const endpoint = new URL(this.endpoint);
    if (url.protocol === 'https:' || (url.protocol === endpoint.protocol && url.hostname === endpoint.hostname)) return;
    throw new StrataError('CORRUPT', 'The hub redirects to an address that is not used.', {
      found: `${from.pathname} leads to ${url.protocol}//${url.host}`,
      allowed: `https addresses, or others of ${endpoint.hostname}`,
      hint: 'Something between this machine and the hub may be changing its answers. Try another network.',
    });
  }

  async #ask(url: URL, headers: Readonly<Record<string, string>>, isHub: boolean, signal: AbortSignal): Promise<Response> {
    const sent = new Headers({ 'accept-encoding': 'identity', ...headers });
    if (isHub && this.#token !== null) sent.set('authorization', `Bearer ${this.#token}`);
    try {
      return await fetch(url, { headers: sent, redirect: 'manual', signal });
    } catch (error) {
      throw lostConnection(error, url.host);
    }
  }
}

/** What fails in the same way however often it is asked: an address that is none, and a certificate that is not believed. */
const FINAL_CODES =
  /^(ERR_INVALID_URL|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_WRONG_VERSION_NUMBER|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;
/** How fetch says that it never asks there. */
const FINAL_MESSAGES: ReadonlySet<string> = new Set(['bad port', 'unknown scheme']);

/** A failed request or an answer that breaks off, as a {@link NetworkError}; what cannot go away by itself as a StrataError, which nobody tries again. */
export function lostConnection(error: unknown, host: string): StrataError {
  if (error instanceof StrataError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (FINAL_CODES.test(code) || (cause instanceof Error && FINAL_MESSAGES.has(cause.message))) {
    return new StrataError('NETWORK', 'The hub cannot be reached at this address.', {
      found: `${host}: ${code || (cause as Error).message}`,
      allowed: 'an address that programs may ask, with a certificate that this machine believes',
      hint: 'Check the address, its port and https or http (--endpoint, or HF_ENDPOINT); NODE_EXTRA_CA_CERTS names a certificate of your own.',
      cause: error,
    });
  }
  const unreachable = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH'].includes(code);
  return new NetworkError(unreachable ? 'The hub cannot be reached.' : 'The connection was lost.', {
    found: `${host}: ${code || (cause instanceof Error ? cause.message : String(cause))}`,
    hint: 'Check the network, or the address in HF_ENDPOINT; what has arrived is kept. With --offline only what is on this machine is used.',
    cause: error,
    allowed: 'a connection to the hub',
  });
}
