import { StrataError } from '../../errors.ts';
import { CHOICE_FORM_WORDS, CHOICE_FORMS, type ChoiceForm, type ChoiceItem } from './choice-item.ts';
import { capitalize, strip } from './python-text.ts';
import { type ItemRow, RowFields } from './row-fields.ts';

/**
 * Questions with choices as published, made into what a model is asked. Prompts are those of lm-evaluation-harness 0.4.13
 * (lm_eval/tasks/{arc,hellaswag,mmlu,winogrande,agieval}), whose figures can then be compared with.
 */

const QUESTIONS = ['query', 'prompt', 'question', 'context', 'ctx'];
const CHOICES = ['choices', 'options', 'endings'];
const ANSWERS = ['gold', 'answer', 'label', 'answerKey', 'correct'];

/** Between a question and its answer. */
const DELIMITER = ' ';

/** The form of a row, by its fields; null when it has those of none. */
export function knownChoiceForm(row: ItemRow): ChoiceForm | null {
  const has = (...names: string[]): boolean => names.every((name) => row[name] !== undefined && row[name] !== null);
  if (has('context_options', 'continuation')) return 'partial';
  if (has('sentence', 'option1', 'option2')) return 'winogrande';
  if (has('ctx_a', 'ctx_b', 'activity_label', 'endings')) return 'hellaswag';
  if (has('subject', 'question', 'choices')) return 'mmlu';
  if (has('question', 'options', 'correct')) return 'aqua';
  if (has('question', 'answerKey') && typeof row.choices === 'object' && !Array.isArray(row.choices)) return 'arc';
  if ([QUESTIONS, CHOICES, ANSWERS].every((names) => names.some((name) => has(name)))) return 'generic';
  return null;
}

/**
 * As {@link knownChoiceForm}.
 * @throws StrataError BAD_INPUT when it has the fields of none.
 */
export function choiceFormOf(row: ItemRow): ChoiceForm {
  const form = knownChoiceForm(row);
  if (form !== null) return form;
  throw new StrataError('BAD_INPUT', 'These are no questions with choices that Strata knows.', {
    found: `the fields ${Object.keys(row).join(', ') || '(none)'}`,
    allowed: CHOICE_FORMS.map((form) => `${form} (${CHOICE_FORM_WORDS[form]})`).join('; '),
    hint: 'Write each question as {"query": "...", "choices": ["...", "..."], "gold": 0}.',
  });
}

/**
 * @param where the row's place, for messages: "line 7".
 * @throws StrataError BAD_INPUT where a field is missing or is something else.
 */
export function choiceItem(row: ItemRow, form: ChoiceForm, where: string): ChoiceItem {
  const fields = new RowFields(row, where);
  const item = FORMS[form](fields);
  const empty = item.choices.findIndex(({ text }) => text === '');
  if (empty === -1) return item;
  throw fields.refusal(`A choice of ${where} is empty.`, `choice ${empty} of ${item.choices.length}`, 'choices of at least one character');
}

const FORMS: Record<ChoiceForm, (fields: RowFields) => ChoiceItem> = {
  generic(fields) {
    const choices = fields.texts(fields.firstOf(CHOICES));
    return question(fields.text(fields.firstOf(QUESTIONS)), choices, fields.answer(fields.firstOf(ANSWERS), choices));
  },

  arc(fields) {
    const inside = fields.inside('choices');
    const [texts, labels] = [inside.texts('text'), inside.texts('label')];
    if (texts.length !== labels.length) {
      throw fields.refusal(
        'Choices and labels are not as many.',
        `${texts.length} texts, ${labels.length} labels`,
        'one label for each choice',
      );
    }
    return question(`Question: ${fields.text('question')}\nAnswer:`, texts, fields.answer('answerKey', texts, labels));
  },

  hellaswag(fields) {
    const context = `${fields.text('ctx_a')} ${capitalize(fields.text('ctx_b'))}`;
    const endings = fields.texts('endings').map(withoutMarks);
    return question(withoutMarks(`${fields.text('activity_label')}: ${context}`), endings, fields.index('label', endings.length));
  },

  mmlu(fields) {
    const choices = fields.texts('choices');
    const letters = choices.map((_, index) => String.fromCharCode(65 + index));
    const subject = fields.text('subject').replaceAll('_', ' ');
    const lines = [strip(fields.text('question')), ...choices.map((choice, index) => `${letters[index]}. ${choice}`), 'Answer:'];
    const prompt = `The following are multiple choice questions (with answers) about ${subject}.\n\n${lines.join('\n')}`;
    const gold = typeof fields.value('answer') === 'string' ? fields.answer('answer', letters) : fields.index('answer', letters.length);
    return question(prompt, letters, gold);
  },

  winogrande(fields) {
    const sentence = fields.text('sentence');
    const gap = sentence.indexOf('_');
    if (gap === -1) throw fields.refusal('A sentence has no gap.', sentence, 'a sentence with "_" where the option belongs');
    const contexts = ['option1', 'option2'].map((name) => sentence.slice(0, gap) + fields.text(name));
    const gold = fields.answer('answer', ['1', '2']);
    return partial(contexts, strip(sentence.slice(gap + 1)), gold);
  },

  partial(fields) {
    const contexts = fields.texts('context_options');
    return partial(contexts, fields.text('continuation'), fields.answer(fields.firstOf(ANSWERS), contexts));
  },

  // As AGIEval asks it (Zhong et al., arXiv 2304.06364): choices keep their letters, and the prompt lists them.
  aqua(fields) {
    const choices = fields.texts('options').map((option) => `(${option}`);
    const last = String.fromCharCode(64 + choices.length);
    const prompt = `Q: ${fields.text('question')} Answer Choices: ${choices.join(' ')}\nA: Among A through ${last}, the answer is`;
    return question(prompt, choices, fields.letter('correct', choices.length));
  },
};

/** One question, each choice a continuation of it. */
function question(context: string, choices: readonly string[], gold: number): ChoiceItem {
  return { choices: choices.map((text) => ({ context, continuation: DELIMITER + text, text })), gold };
}

/** Several beginnings, one continuation: the right beginning makes it likeliest (Trinh & Le, arXiv 1806.02847). */
function partial(contexts: readonly string[], continuation: string, gold: number): ChoiceItem {
  return { choices: contexts.map((context) => ({ context, continuation: DELIMITER + continuation, text: continuation })), gold };
}

/** WikiHow's marks out of HellaSwag's texts. */
function withoutMarks(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}
