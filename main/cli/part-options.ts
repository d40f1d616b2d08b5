import { type Command, Option } from 'commander';
import type { PartRequest } from '../../shared/contract/suites.ts';
import { CHOICE_FORMS, type ChoiceForm } from '../../shared/domain/evaluation/choice-item.ts';
import { ANSWER_MATCHES, type AnswerMatch, type Extraction, EXTRACTIONS } from '../../shared/domain/evaluation/extraction.ts';
import { wholeNumber } from './session.ts';

/** What is measured, as options of a command. */
export interface PartFlags {
  form?: ChoiceForm;
  shots: number;
  examples?: string;
  extract: Extraction;
  match: AnswerMatch;
  maxTokens?: number;
  stop?: string[];
  limit?: number;
  seed: number;
}

/** The options that say how questions and answers are read and drawn. */
export function withPartOptions(command: Command): Command {
  return command
    .addOption(new Option('--form <form>', 'form of questions with choices (default: seen by their fields)').choices(CHOICE_FORMS))
    .addOption(new Option('--extract <how>', 'what counts as the answer').choices(EXTRACTIONS).default('text'))
    .addOption(new Option('--match <how>', 'how answers of your own are compared').choices(ANSWER_MATCHES).default('exact'))
    .addOption(wholeNumber('--shots <n>', 'examples with their answers before each question', 0, 100).default(0))
    .option('--examples <file>', 'file that examples are taken from (default: the first questions, which are not asked then)')
    .addOption(
      wholeNumber('--max-tokens <n>', 'an answer ends after so many tokens (default: 256, at most half of what the model reads)', 1, 8192),
    )
    .addOption(new Option('--stop <texts...>', 'an answer ends before these texts (default by --extract)'))
    .addOption(wholeNumber('--limit <n>', 'only so many items, drawn by the seed', 1))
    .addOption(wholeNumber('--seed <n>', 'draws the items of --limit', 0, 2 ** 31 - 1).default(0));
}

/** A part of each kind over a source. */
export function partOf(kind: 'choices' | 'exact-match' | 'text', source: PartRequest['source'], flags: PartFlags): PartRequest {
  const drawn = { limit: flags.limit ?? null, seed: flags.seed };
  if (kind === 'text') return { source, options: { kind, ...drawn } };
  if (kind === 'choices') return { source, options: { kind, form: flags.form ?? null, ...drawn } };
  const { extract, match, shots, maxTokens } = flags;
  return {
    source,
    ...(flags.examples === undefined ? {} : { examples: { file: flags.examples } }),
    options: {
      kind,
      extraction: extract,
      match,
      shots,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      stops: flags.stop ?? null,
      ...drawn,
    },
  };
}
