import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import { importModel } from '../../main/models/import-model.ts';
import { writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import type { ChatMessage } from '../../shared/domain/content.ts';
import { CHAT_TEMPLATES } from '../support/chat-templates.ts';
import { sharedData } from '../support/shared-data.ts';
import { python } from './sides.ts';

/** Conversations as transformers' apply_chat_template writes them, on tokenizers of several kinds: the same ids, the same mask. */

type Json = Record<string, unknown>;
interface AddedToken {
  id: number;
  content: string;
}

const TOKENIZERS: { name: string; bos: string; eos: string; write: (folder: string) => Promise<unknown> }[] = [
  {
    name: 'smollm2',
    bos: '<|endoftext|>',
    eos: '<|im_end|>',
    write: async (folder) =>
      writeFile(join(folder, 'tokenizer.json'), gunzipSync(await readFile(join(sharedData!, 'tokenizers/smollm2/tokenizer.json.gz')))),
  },
  {
    name: 'tinystories-656k',
    bos: '<|start_story|>',
    eos: '<|end_story|>',
    write: async (folder) =>
      writeFile(join(folder, 'tokenizer.json'), await readFile(join(sharedData!, 'models/tinystories-656k/tokenizer.json'))),
  },
  {
    name: 'open_llama_3b',
    bos: '<s>',
    eos: '</s>',
    write: async (folder) => {
      await copyFile(join(sharedData!, 'tokenizers/sentencepiece/open_llama_3b.model'), join(folder, 'tokenizer.model'));
      await writeTokenizerFromSentencePiece(folder);
    },
  },
  {
    name: 'llama2-tiny-random',
    bos: '<s>',
    eos: '</s>',
    write: async (folder) => {
      await importModel(join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf'), join(folder, 'model'));
      await writeFile(join(folder, 'tokenizer.json'), await readFile(join(folder, 'model/tokenizer.json')));
    },
  },
];

const EDGES: string[][] = [
  ['Hi', 'Hello!'],
  ['  around  ', '  spaces  '],
  ['\n\nlines\n', '\nlines before\n\n'],
  ['', 'an answer to nothing'],
  ['nothing to answer', ''],
  ['Grüße, 日本語 😀👩‍👩‍👧', 'ÄÖÜ 😀 \u200b end'],
  ["don't   stop\t1234567", '12345 67 8'],
  ['one', 'two', 'three ', ' four', 'five\n', '\n\nsix'],
  ['a question without an answer'],
  ['{{ braces }} {% if %} \\n', '[INST] <<SYS>> is text'],
];

interface Answer {
  ids: number[];
  mask: number[] | null;
}

let folder: string;
let conversations: { plain: ChatMessage[][]; system: ChatMessage[][] };

const directoryOf = (tokenizer: string, template: string): string => join(folder, `${tokenizer}-${template}`);

/** What a template is given: no system message where it refuses one. */
function conversationsFor(template: string): ChatMessage[][] {
  return [...conversations.plain, ...(CHAT_TEMPLATES[template]!.refusesSystem ? [] : conversations.system)];
}

/** Model folders of all templates on all tokenizers, and the answers of transformers in them. */
beforeAll(async () => {
  if (!sharedData) return;
  folder = await mkdtemp(join(tmpdir(), 'strata-chat-'));
  const turns = (texts: readonly string[]): ChatMessage[] =>
    texts.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }));
  const lines = (await readFile(join(sharedData, 'instruction/dolly-hhrlhf-small/dolly-hhrlhf-small.jsonl'), 'utf8')).split('\n');
  const rows = lines.slice(0, 20).map((line) => JSON.parse(line) as { prompt: string; response: string });
  const plain = [...EDGES.map(turns), ...rows.map(({ prompt, response }) => turns([prompt, response, 'Why?', response]))];
  conversations = { plain, system: plain.map((messages) => [{ role: 'system', content: 'Be  kind.\n' }, ...messages]) };
  const jobs: object[] = [];
  for (const { name, bos, eos, write } of TOKENIZERS) {
    for (const [template, { source, tokens }] of Object.entries(CHAT_TEMPLATES)) {
      const directory = directoryOf(name, template);
      await mkdir(directory);
      await write(directory);
      const tokenizer = join(directory, 'tokenizer.json');
      await addSpecialTokens(tokenizer, [bos, eos, ...tokens]);
      await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify({ bos_token: bos, eos_token: eos }));
      await writeFile(join(directory, 'chat_template.jinja'), source);
      const out = join(directory, 'answers.json');
      jobs.push({ tokenizer, bos, eos, template: source, conversations: conversationsFor(template), out });
    }
  }
  await writeFile(join(folder, 'jobs.json'), JSON.stringify(jobs));
  await python('chat_template_sides.py', join(folder, 'jobs.json'));
}, 1_200_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!sharedData).each(TOKENIZERS)('on the tokenizer $name', ({ name }) => {
  it.each(Object.keys(CHAT_TEMPLATES))('%s', { timeout: 600_000 }, async (template) => {
    const directory = directoryOf(name, template);
    const answers = JSON.parse(await readFile(join(directory, 'answers.json'), 'utf8')) as Answer[];
    const encoder = await loadContentEncoder(directory);
    let learned = 0;
    for (const [index, messages] of conversationsFor(template).entries()) {
      const ours = encoder.encode({ kind: 'chat', messages });
      const { ids, mask } = answers[index]!;
      expect({ messages, ids: ours.ids }).toEqual({ messages, ids });
      if (mask === null) {
        const said = messages.filter(({ role }) => role === 'assistant');
        expect(said.every(({ content }) => content.startsWith('  '))).toBe(true);
        continue;
      }
      expect({ messages, mask: [...ours.learned!] }).toEqual({ messages, mask });
      learned += mask.reduce((sum, each) => sum + each, 0);
    }
    expect(learned).toBeGreaterThan(1000);
  });
});

/** Makes special tokens of those that the tokenizer has, and adds the others. */
async function addSpecialTokens(path: string, names: readonly string[]): Promise<void> {
  const json = JSON.parse(await readFile(path, 'utf8')) as Json & {
    added_tokens: AddedToken[];
    model: { vocab: Json | [string, number][] };
  };
  const { vocab } = json.model;
  const ids = new Map<string, number>(
    Array.isArray(vocab) ? vocab.map(([text], id) => [text, id] as const) : (Object.entries(vocab) as [string, number][]),
  );
  for (const { content, id } of json.added_tokens) ids.set(content, id);
  for (const content of names) {
    const id = ids.get(content) ?? Math.max(...ids.values()) + 1;
    ids.set(content, id);
    json.added_tokens = json.added_tokens.filter((token) => token.content !== content);
    json.added_tokens.push({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    } as AddedToken);
  }
  json.added_tokens.sort((a, b) => a.id - b.id);
  await writeFile(path, JSON.stringify(json));
}
