/** The forms in which questions with choices are published, and how each is asked. */
export const CHOICE_FORMS = ['generic', 'arc', 'hellaswag', 'mmlu', 'winogrande', 'partial', 'aqua'] as const;
export type ChoiceForm = (typeof CHOICE_FORMS)[number];

export const CHOICE_FORM_WORDS: Record<ChoiceForm, string> = {
  generic: 'query, prompt, question or context; choices; gold, answer or label',
  arc: 'question; choices with texts and labels; answerKey',
  hellaswag: 'ctx_a, ctx_b, activity_label; endings; label',
  mmlu: 'subject, question; choices; answer',
  winogrande: 'sentence with "_"; option1, option2; answer',
  partial: 'context_options; continuation; gold',
  aqua: 'question; options with letters; correct',
};

/** One way to answer: a continuation and what it follows. */
export interface ScoredChoice {
  context: string;
  continuation: string;
  /** What its log-likelihood is divided by the length of: the choice without the blank before it. */
  text: string;
}

/** A question as a model is asked it: the choice whose continuation is likeliest is the model's answer. */
export interface ChoiceItem {
  choices: ScoredChoice[];
  /** Index of the right one. */
  gold: number;
}
