import { z } from 'zod';
import { type HostSettings, isUpdateAddress, type UpdateReport } from '../../shared/contract/host-settings.ts';

/** The answer that is understood: more fields are ignored. */
const answerSchema = z.object({ version: z.string().regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/) });
const LIMIT_MS = 10_000;
const MOST_BYTES = 64_000;
/** While the program is open it asks so often, if it may. */
export const CHECK_EVERY_MS = 24 * 3_600_000;

/**
 * Asks the person's own address for the newest version. Off unless the person switched it on and named an address; over https alone, without
 * cookies, following no redirection. Nothing is installed and nothing downloaded.
 * @param isAsked the person asks now: then an address is enough.
 */
export async function checkForUpdate(
  current: string,
  { check, address }: HostSettings['updates'],
  { fetch, isAsked = false }: { fetch: typeof globalThis.fetch; isAsked?: boolean },
): Promise<UpdateReport> {
  const nothing = { current, latest: null, isNewer: false, sent: '' };
  if (!check && !isAsked) return { ...nothing, problem: 'Looking for updates is switched off.' };
  if (!isUpdateAddress(address)) return { ...nothing, problem: 'No address is set that could be asked.' };
  const headers = { accept: 'application/json', 'user-agent': 'Strata' };
  const sent = [`GET ${address}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\n');
  try {
    const response = await fetch(address, {
      headers,
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    if (!response.ok) return { ...nothing, sent, problem: `The address answered ${response.status}.` };
    const { version } = answerSchema.parse(JSON.parse(await textOf(response)));
    return { current, latest: version, isNewer: compareVersions(version, current) > 0, sent, problem: null };
  } catch (error) {
    const isAnswer = error instanceof z.ZodError || error instanceof SyntaxError;
    const reason = error instanceof Error ? error.message : String(error);
    return {
      ...nothing,
      sent,
      problem: isAnswer ? 'The answer is not {"version": "1.2.3"}.' : `The address could not be asked: ${reason}`,
    };
  }
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MOST_BYTES) throw new Error('the answer is too long');
  }
  return text;
}

/** Above 0 where the first is the newer one. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < 3; index++) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
