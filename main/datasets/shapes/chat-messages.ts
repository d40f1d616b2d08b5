import { CHAT_ROLES, type ChatMessage } from '../../../shared/domain/content.ts';
import { UnusableRow } from './unusable-row.ts';

/** Names that datasets give the roles (OpenAI, ShareGPT and what grew from it). */
const ROLES: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  prompter: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  function_call: 'assistant',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
  tool_response: 'tool',
  function_response: 'tool',
};
const ROLE_KEYS = ['role', 'from'];
const CONTENT_KEYS = ['content', 'value', 'text'];

/** Whether a list is one of messages: objects that say who speaks and what. */
export function isMessages(list: readonly unknown[]): boolean {
  return (
    list.length > 0 &&
    list.every((each) => typeof each === 'object' && each !== null && valueOf(each, ROLE_KEYS) !== undefined && hasContentKey(each))
  );
}

function hasContentKey(message: object): boolean {
  return CONTENT_KEYS.some((key) => key in message);
}

function valueOf(message: object, keys: readonly string[]): unknown {
  const key = keys.find((each) => (message as Record<string, unknown>)[each] !== undefined);
  return key === undefined ? undefined : (message as Record<string, unknown>)[key];
}

/**
 * The messages of a list, whatever names it uses.
 * @param where the row and column, for messages: 'line 7, column "messages"'.
 * @throws UnusableRow that says which message is not one.
 */
export function messagesOf(list: readonly unknown[], where: string): ChatMessage[] {
  return list.map((each, index) => {
    const place = `At ${where}, message ${index + 1}`;
    if (typeof each !== 'object' || each === null) throw new UnusableRow(`${place} is no object; allowed: a role and a content.`);
    const given = valueOf(each, ROLE_KEYS);
    const role = typeof given === 'string' ? ROLES[given.toLowerCase()] : undefined;
    if (!role) {
      const found = given === undefined ? 'no role' : `the role ${JSON.stringify(given)}`;
      throw new UnusableRow(`${place} has ${found}; allowed: ${CHAT_ROLES.join(', ')}, or ${otherNames()}.`);
    }
    return { role, content: contentOf(valueOf(each, CONTENT_KEYS), place) };
  });
}

function otherNames(): string {
  return Object.keys(ROLES)
    .filter((name) => !(CHAT_ROLES as readonly string[]).includes(name))
    .join(', ');
}

/** A text, or a list of parts that are all text. */
function contentOf(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((part: unknown) => textOfPart(part, place)).join('');
  const found = value === undefined || value === null ? 'no content (perhaps a call of a tool)' : `a content that is a ${typeof value}`;
  throw new UnusableRow(`${place} has ${found}; allowed: a text, or a list of parts of text.`);
}

function textOfPart(part: unknown, place: string): string {
  if (typeof part === 'string') return part;
  const { type = 'text', text } = (part ?? {}) as { type?: unknown; text?: unknown };
  if (type === 'text' && typeof text === 'string') return text;
  throw new UnusableRow(`${place} has a part of the type ${JSON.stringify(type)}; allowed: text.`);
}
