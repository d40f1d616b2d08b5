import { allowedBy } from '../../shared/allowed.ts';
import type { ChosenMapping, InspectedShape } from '../../shared/contract/dataset-import.ts';
import { ANSWER_FORMS, type AnswerForm, type Mapping, mappingSchema } from '../../shared/domain/shape.ts';
import type { StrataError } from '../../shared/errors.ts';
import { refuse } from './session.ts';

/** How rows are read, as it is typed: the forms of `--map`, for messages and the help. */
export const MAPPING_FORMS: readonly [form: string, meaning: string][] = [
  ['text=TITLE,BODY', 'columns whose texts make one text'],
  ['completion=QUESTION,CONTEXT->ANSWER', 'a prompt and the completion that is learned'],
  ['chat=MESSAGES', 'a column with a list of messages; chat=MESSAGES,system:COLUMN where the system message is in another'],
  [
    'choice=QUESTION->A,B,C->ANSWER:FORM',
    `a question with choices, in one column each or all in one; FORM is how the answer names one: ${ANSWER_FORMS.join(', ')}; ` +
      'QUESTION,gap:_ where the choice belongs into a gap, C,ending:COLUMN where a text follows each choice',
  ],
  ['\'{"shape":...}\'', 'any of them as JSON, for columns with , : or -> in their names'],
];

/**
 * Reads a mapping as it is typed.
 * @throws StrataError BAD_INPUT, which names the forms.
 */
export function parseMapping(text: string): Mapping {
  if (text.trim().startsWith('{')) return checked(text, asJson(text));
  const [, shape, rest = ''] = /^\s*(\w+)=(.*)$/s.exec(text) ?? [];
  const parts = rest.split('->').map((part) => part.split(',').map((name) => name.trim()));
  const [first = [], second = [], third = []] = parts;
  const expected = { text: 1, chat: 1, completion: 2, choice: 3 }[shape ?? ''];
  if (parts.length !== expected) throw unknown(text);
  switch (shape) {
    case 'text':
      return checked(text, { shape, columns: first });
    case 'completion':
      return checked(text, { shape, prompt: first, completion: second });
    case 'chat':
      return checked(text, { shape, messages: plain(first), system: labelled(first, 'system') });
    default: {
      const [answer = '', form = ''] = splitLast(third.join(','));
      if (!(ANSWER_FORMS as readonly string[]).includes(form))
        throw refuse(
          '--map does not say how the answer names its choice.',
          text,
          `ANSWER:FORM, FORM being ${ANSWER_FORMS.join(', ')}`,
          HINT,
        );
      return checked(text, {
        shape: 'choice',
        question: plain(first).filter((name) => name !== ''),
        choices: plain(second),
        ending: labelled(second, 'ending'),
        gap: labelled(first, 'gap'),
        answer,
        answerForm: form as AnswerForm,
      });
    }
  }
}

/** A mapping as it would be typed. */
export function writeMapping(mapping: Mapping): string {
  const names = (columns: readonly string[], extra: Record<string, string | null> = {}): string =>
    [...columns, ...Object.entries(extra).flatMap(([label, value]) => (value === null ? [] : [`${label}:${value}`]))].join(',');
  switch (mapping.shape) {
    case 'text':
      return `text=${names(mapping.columns)}`;
    case 'completion':
      return `completion=${names(mapping.prompt)}->${names(mapping.completion)}`;
    case 'chat':
      return `chat=${names(mapping.messages, { system: mapping.system })}`;
    case 'choice': {
      const { question, gap, choices, ending, answer, answerForm } = mapping;
      return `choice=${names(question, { gap })}->${names(choices, { ending })}->${answer}:${answerForm}`;
    }
  }
}

/**
 * Mappings for the rows that have their columns.
 * @param shapes that were found among the files.
 * @throws StrataError BAD_INPUT where no rows have the columns of one, or two are for the same rows.
 */
export function mappingsFor(mappings: readonly Mapping[], shapes: readonly InspectedShape[]): ChosenMapping[] {
  const chosen = new Map<InspectedShape, Mapping>();
  for (const mapping of mappings) {
    const fitting = shapes.filter(({ guess }) => columnsOf(mapping).every((name) => guess.columns.some((column) => column.name === name)));
    if (fitting.length === 0) {
      const found = shapes.map(({ guess }) => guess.columns.map(({ name }) => name).join(', ')).slice(0, 5);
      throw refuse(
        'No file has rows with these columns.',
        writeMapping(mapping),
        `columns of the files: ${found.join('; or ') || 'none has rows'}`,
        'Name columns as the files do: "data inspect" shows them.',
      );
    }
    for (const shape of fitting) {
      if (chosen.has(shape))
        throw refuse(
          'Two mappings are for the same rows.',
          writeMapping(mapping),
          'one --map for the same columns',
          'Leave one of them out.',
        );
      chosen.set(shape, mapping);
    }
  }
  return [...chosen].map(([{ guess }, mapping]) => ({ columns: guess.columns.map(({ name }) => name), mapping }));
}

function columnsOf(mapping: Mapping): string[] {
  switch (mapping.shape) {
    case 'text':
      return mapping.columns;
    case 'completion':
      return [...mapping.prompt, ...mapping.completion];
    case 'chat':
      return [...mapping.messages, ...(mapping.system === null ? [] : [mapping.system])];
    case 'choice':
      return [...mapping.question, ...mapping.choices, ...(mapping.ending === null ? [] : [mapping.ending]), mapping.answer];
  }
}

const HINT = '"data inspect" shows the columns, and how they would be read without --map.';

const LABELS = ['system', 'gap', 'ending'];

/** Those without a label. */
function plain(names: readonly string[]): string[] {
  return names.filter((name) => !LABELS.some((label) => name.startsWith(`${label}:`)));
}

function labelled(names: readonly string[], label: string): string | null {
  return names.find((name) => name.startsWith(`${label}:`))?.slice(label.length + 1) ?? null;
}

function splitLast(text: string): [string, string] {
  const at = text.lastIndexOf(':');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function checked(text: string, mapping: unknown): Mapping {
  const parsed = mappingSchema.safeParse(mapping);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw refuse('--map does not take that.', `${text} (${[...issue.path.map(String), allowedBy(issue)].join(': ')})`, forms(), HINT);
}

function unknown(text: string): StrataError {
  return refuse('--map does not take that.', text, forms(), HINT);
}

function forms(): string {
  return MAPPING_FORMS.map(([form]) => form).join(', ');
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
