import { StrataError } from '../../../shared/errors.ts';
import type { HubReference } from './hub-reference.ts';
import { NetworkError } from './retry.ts';

/** What is being asked for, as far as messages need it. */
export interface Asked extends HubReference {
  endpoint: string;
  hasToken: boolean;
}

const MAX_WORDS_BYTES = 4096;
const TOKEN_HINT =
  'pass a token of an account with access (--token or the field for it, HF_TOKEN, or the file that "hf auth login" writes)';

/**
 * The error that a hub's refusal is for the user.
 * @returns a {@link NetworkError} where the same may succeed later.
 */
export async function refusalOf(response: Response, asked: Asked): Promise<StrataError> {
  const { status } = response;
  const reason = response.headers.get('x-error-code') ?? '';
  const words = await wordsOf(response);
  const found = [asked.repository, `status ${status}`, reason, words].filter(Boolean).join(', ');
  const page = `${asked.endpoint}/${asked.repository}`;
  if ((status === 401 || status === 403) && (reason === 'GatedRepo' || /gated|accept.*licen[cs]e|restricted/i.test(words))) {
    return new StrataError('BAD_INPUT', 'This model is gated: its owner gives it only to accounts that were granted access.', {
      found,
      allowed: 'a token of an account that has accepted the licence',
      hint: `Open ${page} in a browser, accept the licence there, then ${TOKEN_HINT}.`,
    });
  }
  if (status === 401 && !asked.hasToken) {
    return new StrataError('NOT_FOUND', 'The hub knows no such repository, or it is private.', {
      found,
      allowed: 'the name of a public repository, or of one that a token gives access to',
      hint: `Check the spelling. If it is private, ${TOKEN_HINT}.`,
    });
  }
  if (status === 401 || status === 403) {
    return new StrataError(
      'BAD_INPUT',
      status === 401 ? 'The hub does not accept the token.' : 'The token does not give access to this repository.',
      {
        found,
        allowed: 'a valid token with read access to this repository',
        hint: "Make a new one in the account's settings on the hub; a fine-grained token must name this repository.",
      },
    );
  }
  if (status === 404 && reason === 'RevisionNotFound') {
    return new StrataError('NOT_FOUND', 'The repository has no such revision.', {
      found: `${asked.repository}@${asked.revision}`,
      allowed: 'a branch, a tag or a commit of it',
      hint: `See ${page}, or leave @REVISION out for main.`,
    });
  }
  if (status === 404 && reason === 'EntryNotFound') {
    return new StrataError('CONFLICT', 'A file is no longer in the repository.', {
      found,
      hint: 'The repository was changed meanwhile: start the download again.',
      allowed: 'the files that it had when the download began',
    });
  }
  if (status === 404 || status === 410) {
    return new StrataError('NOT_FOUND', 'The hub knows no such repository.', {
      found,
      allowed: 'the name of a model repository, ORG/NAME',
      hint: `Check the spelling at ${page}. The hub also says this of private repositories: then ${TOKEN_HINT}.`,
    });
  }
  if (status === 429) {
    return new NetworkError(
      'The hub asks for fewer requests.',
      {
        found,
        allowed: 'as many as the hub answers in that time',
        hint: asked.hasToken
          ? 'Wait some minutes and start it again.'
          : 'Wait some minutes, or sign in with a token, which is allowed more.',
      },
      retryAfter(response),
    );
  }
  const message = status >= 500 ? 'The hub has a problem.' : 'The hub did not answer as a hub does.';
  const details = { found, allowed: 'an answer with status 200', hint: `Start it again later. Is ${asked.endpoint} the right address?` };
  return status >= 500 || status === 408
    ? new NetworkError(message, details, retryAfter(response))
    : new StrataError('NETWORK', message, details);
}

/** Milliseconds that a Retry-After header asks for, in seconds or as a date. */
function retryAfter(response: Response): number | null {
  const text = response.headers.get('retry-after');
  if (text === null) return null;
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : null;
}

/** What the server says in words, cut short and without anything that a terminal would obey. */
async function wordsOf(response: Response): Promise<string> {
  let text = '';
  try {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length > MAX_WORDS_BYTES) break;
    }
  } catch {
    return ''; // the status says enough
  }
  if (response.headers.get('content-type')?.startsWith('application/json')) {
    try {
      const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
      text = typeof error === 'string' ? error : typeof message === 'string' ? message : '';
    } catch {
      return '';
    }
  } else if (/^\s*</.test(text)) return '';
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
}
