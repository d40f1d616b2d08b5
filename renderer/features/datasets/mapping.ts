import type { CellType, FoundColumn, Mapping, Shape, ShapeGuess } from '../../../shared/domain/shape.ts';
import { words } from '../../../shared/words/words.ts';

/**
 * A mapping of the wanted shape to begin with, for a user who chose the shape by hand: the guessed one where there is one, else columns by what
 * they hold and where they stand. Null where the rows have no columns.
 */
export function firstMapping(shape: Shape, guess: ShapeGuess): Mapping | null {
  const guessed = [guess.mapping, ...guess.alternatives].find((mapping) => mapping?.shape === shape);
  if (guessed) return guessed;
  const names = guess.columns.map(({ name }) => name);
  const [first] = names;
  if (first === undefined) return null;
  const last = names.at(-1)!;
  const ofTypes = (...types: CellType[]): string | undefined => guess.columns.find((column) => types.includes(mainType(column)))?.name;
  const texts = guess.columns.filter((column) => mainType(column) === 'text').map(({ name }) => name);
  switch (shape) {
    case 'text':
      return { shape, columns: [texts[0] ?? first] };
    case 'completion':
      return { shape, prompt: [texts[0] ?? first], completion: [texts[1] ?? last] };
    case 'chat':
      return { shape, messages: [ofTypes('messages', 'list') ?? first], system: null };
    case 'choice': {
      const choices = ofTypes('choices', 'texts');
      const question = texts[0] ?? first;
      const answer = ofTypes('number') ?? last;
      const others = texts.filter((name) => name !== question && name !== answer);
      return {
        shape,
        question: [question],
        choices: choices ? [choices] : others.length > 0 ? others : [last],
        ending: null,
        gap: null,
        answer,
        answerForm: ofTypes('number') === answer ? 'index' : 'letter',
      };
    }
  }
}

/** What most of a column's cells hold. */
export function mainType(column: FoundColumn): CellType {
  const types = Object.entries(column.types) as [CellType, number][];
  const filled = types.filter(([type]) => type !== 'empty').sort(([, a], [, b]) => b - a);
  return filled[0]?.[0] ?? 'empty';
}

/** What a column makes of a row, as a label; null for one that is not read. */
export function columnUse(mapping: Mapping | null, column: string): string | null {
  switch (mapping?.shape) {
    case 'text':
      return mapping.columns.includes(column) ? words('shapes.useText') : null;
    case 'completion':
      if (mapping.completion.includes(column))
        return mapping.prompt.includes(column) ? words('shapes.usePromptAndCompletion') : words('shapes.useCompletion');
      return mapping.prompt.includes(column) ? words('shapes.usePrompt') : null;
    case 'chat':
      if (mapping.messages.includes(column)) return words('shapes.useMessages');
      return mapping.system === column ? words('shapes.useSystem') : null;
    case 'choice':
      if (mapping.answer === column) return words('shapes.useAnswer');
      if (mapping.question.includes(column)) return words('shapes.useQuestion');
      if (mapping.choices.includes(column)) return words('shapes.useChoice');
      return mapping.ending === column ? words('shapes.useEnding') : null;
    case undefined:
      return null;
  }
}
