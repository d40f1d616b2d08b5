/**
 * Chat templates as Ollama's Modelfile has them (Go's text/template), for the few forms of Jinja templates that are plain enough to be known
 * by the text they put around messages. A template with any other text in it (tools, dates, thoughts) is not one of them.
 */

export interface SpecialTexts {
  start: string;
  end: string;
}

interface Form {
  name: string;
  /** Texts that a Jinja template of this form may write, and those that it must. `<bos>` and `<eos>` stand for the special tokens. */
  mayWrite: readonly string[];
  mustWrite: readonly string[];
  /** What ends a message, beside the model's end tokens. */
  stops: readonly string[];
  template: (special: SpecialTexts) => string;
}

const ROLES = ['user', 'assistant', 'system', 'role', 'content', '', ' ', '\n', '\n\n'];

const FORMS: readonly Form[] = [
  {
    name: 'ChatML',
    mustWrite: ['<|im_start|>'],
    mayWrite: ['<|im_end|>', '<|im_end|>\n', '\n<|im_end|>\n', '<|im_start|>assistant\n', '<|im_start|>user\n', '<|im_start|>system\n'],
    stops: ['<|im_end|>'],
    template: () => '{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n',
  },
  {
    name: 'Llama 3',
    mustWrite: ['<|start_header_id|>', '<|eot_id|>'],
    mayWrite: ['<|end_header_id|>\n\n', '<|end_header_id|>', '<|start_header_id|>assistant<|end_header_id|>\n\n', '<|begin_of_text|>'],
    stops: ['<|eot_id|>'],
    template: () =>
      '{{ range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n',
  },
  {
    name: 'Llama 2',
    mustWrite: ['<<SYS>>\n', '\n<</SYS>>\n\n', '[INST] ', ' [/INST]'],
    mayWrite: ['<s>', '</s>', ' </s>'],
    stops: ['[INST]'],
    template: ({ start, end }) =>
      `{{ range $index, $message := .Messages }}{{ if eq .Role "user" }}{{ if gt $index 1 }}${start}{{ end }}[INST] ` +
      '{{ if and $.System (le $index 1) }}<<SYS>>\n{{ $.System }}\n<</SYS>>\n\n{{ end }}{{ .Content }} [/INST]' +
      `{{ else if eq .Role "assistant" }} {{ .Content }} ${end}{{ end }}{{ end }}`,
  },
  {
    name: 'Mistral',
    mustWrite: ['[INST] ', ' [/INST]'],
    mayWrite: ['<s>', '</s>'],
    stops: ['[INST]'],
    // The Jinja form knows no system message; here it goes before the first question.
    template: ({ end }) =>
      '{{ range $index, $message := .Messages }}{{ if eq .Role "user" }}[INST] ' +
      '{{ if and $.System (le $index 1) }}{{ $.System }}\n\n{{ end }}{{ .Content }} [/INST]' +
      `{{ else if eq .Role "assistant" }}{{ .Content }}${end}{{ end }}{{ end }}`,
  },
  {
    name: 'Zephyr',
    mustWrite: ['<|user|>\n', '<|assistant|>\n'],
    mayWrite: ['<|system|>\n', '<|assistant|>', '</s>', '</s>\n'],
    stops: ['<|user|>'],
    template: ({ end }) => `{{ range .Messages }}<|{{ .Role }}|>\n{{ .Content }}${end}\n{{ end }}<|assistant|>\n`,
  },
];

export const KNOWN_FORMS: readonly string[] = FORMS.map(({ name }) => name);

export interface OllamaTemplate {
  /** The name of the form. */
  form: string;
  template: string;
  stops: readonly string[];
}

/** The same conversation in Ollama's form; null for a Jinja template that is none of the known ones. */
export function ollamaTemplate(jinja: string, special: SpecialTexts): OllamaTemplate | null {
  const written = textsOf(jinja);
  if (written === null || [special.start, special.end].some((text) => /["{}]/.test(text))) return null;
  const preset = written.map(presetOf).find((text) => text !== null) ?? null;
  const texts = written.filter((text) => presetOf(text) === null);
  const form = FORMS.find(({ mayWrite, mustWrite }) => {
    const allowed = new Set([...ROLES, ...mayWrite, ...mustWrite]);
    return mustWrite.every((text) => texts.includes(text)) && texts.every((text) => allowed.has(text));
  });
  if (!form || (preset !== null && form.name !== 'ChatML')) return null;
  const before = preset === null ? '' : `{{ if not .System }}<|im_start|>system\n${preset}<|im_end|>\n{{ end }}`;
  return { form: form.name, template: before + form.template(special), stops: form.stops };
}

/** The system message that a ChatML template writes where a conversation has none. */
function presetOf(text: string): string | null {
  const [, preset] = /^<\|im_start\|>system\n([^"{}]*)<\|im_end\|>\n?$/.exec(text) ?? [];
  return preset ?? null;
}

/** Every text that a Jinja template has in quotes, errors aside, and what stands outside of its brackets; null when it cannot be told apart. */
function textsOf(jinja: string): string[] | null {
  if (jinja.length > 20_000) return null; // the plain ones have a tenth of that
  const texts: string[] = [];
  let outside = 0;
  for (const { 0: block, index } of jinja.matchAll(/\{#[^]*?#\}|\{\{[^]*?\}\}|\{%[^]*?%\}/g)) {
    // A line's end after a bracket is taken away when transformers fills a template in, blanks before a statement too.
    const between = jinja.slice(outside, index).trim();
    if (between !== '') texts.push(between);
    outside = index + block.length;
    if (block.startsWith('{#') || block.includes('raise_exception(')) continue;
    for (const [quoted] of block.matchAll(/'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/g)) {
      texts.push(quoted.slice(1, -1).replaceAll(/\\([^])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)));
    }
  }
  const rest = jinja.slice(outside).trim();
  return rest === '' ? texts : [...texts, rest];
}
