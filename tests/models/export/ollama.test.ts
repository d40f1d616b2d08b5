import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportOllama } from '../../../main/models/export/ollama.ts';
import { ollamaTemplate } from '../../../main/models/export/ollama-template.ts';
import { byteLevelTokenizer, writeGgufSource } from '../../support/gguf-folders.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const destination = (): string => join(folder.path, 'out/for-ollama');

/** Templates in the forms in which they are published. */
const JINJA = {
  ChatML:
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  'Llama 3':
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
  'Llama 2':
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
  Mistral:
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
  Zephyr:
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n' + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
} as const;

const special = { start: '<s>', end: '</s>' };

describe("a chat template in Ollama's form", () => {
  it.each(Object.entries(JINJA))('%s is known', (form, jinja) => {
    const known = ollamaTemplate(jinja, special)!;
    expect(known.form).toBe(form);
    // Brackets of actions are balanced, and each block is ended.
    const actions = [...known.template.matchAll(/\{\{(.*?)\}\}/g)].map(([, action]) => action!.trim());
    const opened = actions.filter((action) => /^(range|if) /.test(action)).length;
    expect(actions.filter((action) => action === 'end').length).toBe(opened);
    expect(known.template.replaceAll(/\{\{.*?\}\}/g, '')).not.toMatch(/[{}]|"""/);
  });

  it('says what goes around messages', () => {
    expect(ollamaTemplate(JINJA.ChatML, special)!.template).toBe(
      '{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n',
    );
    expect(ollamaTemplate(JINJA.Mistral, { start: '<s>', end: '<end>' })!.template).toContain('{{ .Content }}<end>');
  });

  it('keeps the system message that is written where there is none', () => {
    const jinja = `{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{% endif %}${JINJA.ChatML}`;
    expect(ollamaTemplate(jinja, special)!.template).toMatch(
      /^\{\{ if not \.System \}\}<\|im_start\|>system\nYou help\.<\|im_end\|>\n\{\{ end \}\}\{\{ range/,
    );
  });

  it.each([
    ['tools', JINJA.ChatML.replace("'<|im_end|>'", "'<|im_end|>' + '<tool_call>'")],
    ['text outside of brackets', `A conversation: ${JINJA.ChatML}`],
    ['a system message that would end the quotes', `{{ '<|im_start|>system\\n"""<|im_end|>\\n' }}${JINJA.ChatML}`],
    ['other marks', "{% for message in messages %}{{ '### ' + message['content'] }}{% endfor %}"],
    ['nothing', ''],
    ['endless text', `{# ${' '.repeat(20_000)} #}${JINJA.ChatML}`],
  ])('is not made for one with %s', (_, jinja) => {
    expect(ollamaTemplate(jinja, special)).toBe(null);
  });

  it('is not made where a special token would break it', () => {
    expect(ollamaTemplate(JINJA.Mistral, { start: '<s>', end: '{{ x }}' })).toBe(null);
  });
});

/** Instructions of a Modelfile by the grammar that Ollama documents: comments, `INSTRUCTION arguments`, values in one or three quotes. */
function parseModelfile(text: string): [string, string][] {
  const found: [string, string][] = [];
  const grammar = /^(?:#.*|(FROM|TEMPLATE|LICENSE|PARAMETER) (?:"""([^]*?)"""|(.*)))\n/;
  let rest = text;
  while (rest !== '') {
    const [line, instruction, quoted, plain] = grammar.exec(rest) ?? expect.fail(`no instruction: ${rest.slice(0, 80)}`);
    if (instruction !== undefined) found.push([instruction, (quoted ?? plain)!]);
    rest = rest.slice(line.length);
  }
  return found;
}

describe('an export for Ollama', () => {
  it('has the model, its template, ends, context and licence', async () => {
    const source = join(folder.path, 'model');
    const tokenizer = byteLevelTokenizer();
    tokenizer.added_tokens.push({ id: 270, content: '<|im_end|>', special: true });
    await writeGgufSource(source, { tokenizer, settings: { bos_token: '<s>', eos_token: '</s>', chat_template: JINJA.ChatML } });
    await folder.write('model/LICENSE', 'Do as you like.\n');
    await folder.write('model/generation_config.json', '{"eos_token_id": [1, 270]}');
    const result = await exportOllama(source, destination(), { dtype: 'Q8_0', name: 'mine' });
    expect((await readdir(destination())).sort()).toEqual(['Modelfile', 'model.gguf']);
    expect(result).toMatchObject({ path: destination(), format: 'ollama', dtype: 'Q8_0', verified: true, notes: [] });
    const modelfile = await readFile(join(destination(), 'Modelfile'), 'utf8');
    expect(result.bytes).toBe((await readFile(join(destination(), 'model.gguf'))).length + Buffer.byteLength(modelfile));
    expect(parseModelfile(modelfile)).toEqual([
      ['FROM', './model.gguf'],
      ['TEMPLATE', ollamaTemplate(JINJA.ChatML, special)!.template],
      ['PARAMETER', 'stop "</s>"'],
      ['PARAMETER', 'stop "<|im_end|>"'],
      ['PARAMETER', 'num_ctx 32'],
      ['LICENSE', 'Do as you like.'],
    ]);
  });

  it.each([
    [undefined, 'The model has no chat template'],
    ["{{ 'something of its own' }}", 'The chat template is none of ChatML'],
  ])('has no TEMPLATE for %j, and says why', async (jinja, reason) => {
    await writeGgufSource(join(folder.path, 'model'), { settings: { chat_template: jinja } });
    await exportOllama(join(folder.path, 'model'), destination(), { dtype: 'F16' });
    const modelfile = await readFile(join(destination(), 'Modelfile'), 'utf8');
    expect(modelfile).toContain(`# ${reason}`);
    expect(parseModelfile(modelfile).map(([instruction]) => instruction)).toEqual(['FROM', 'PARAMETER', 'PARAMETER']);
  });

  it('leaves nothing when the model cannot be one of llama.cpp', async () => {
    await writeGgufSource(join(folder.path, 'model'), { tokenizer: { added_tokens: [], model: { type: 'WordPiece', vocab: {} } } });
    const before = await folder.list();
    await expect(exportOllama(join(folder.path, 'model'), destination(), { dtype: 'F16' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await folder.list()).toEqual(before);
  });

  it('overwrites nothing', async () => {
    await writeGgufSource(join(folder.path, 'model'));
    await folder.write('out/for-ollama/precious', 'mine');
    const before = await folder.list();
    await expect(exportOllama(join(folder.path, 'model'), destination(), { dtype: 'F16' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    expect(await folder.list()).toEqual(before);
  });
});
