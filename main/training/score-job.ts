import { choiceFigures } from '../../shared/domain/evaluation/choice-result.ts';
import { answerFigures, textFigures } from '../../shared/domain/evaluation/figures.ts';
import type { PartResult } from '../../shared/domain/evaluation/part.ts';
import { words } from '../../shared/words/words.ts';
import type { Engine } from '../engine/engine.ts';
import { drawItems, readItemRows } from './item-rows.ts';
import type { ScoreJob, TrainerEvent } from './messages.ts';
import { scoreAnswers } from './score-answers.ts';
import { scoreChoices } from './score-choices.ts';
import { scoreTexts } from './score-texts.ts';
import { type ScoredModel, withScoredModel } from './scored-model.ts';

/** What a model made of each part, and how long all took. */
export interface ScoreOutcome {
  results: PartResult[];
  seconds: number;
  engine: string;
}

/** Scores a saved model on the parts of an evaluation, one after the other; it is loaded once. */
export async function scoreModel(job: ScoreJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<ScoreOutcome> {
  const started = performance.now();
  emit({ type: 'activity', text: words('said.loadingModel') });
  return withScoredModel(job.modelDirectory, engine, async (model) => {
    const results: PartResult[] = [];
    for (const part of job.parts) {
      emit({ type: 'activity', text: part.name });
      results.push(
        await scorePart(model, part, async (done, of) => {
          emit({ type: 'done', done, of });
          await new Promise((resolve) => setImmediate(resolve)); // messages leave between turns of the event loop
        }),
      );
    }
    return { results, seconds: (performance.now() - started) / 1000, engine: engine.name };
  });
}

async function scorePart(
  model: ScoredModel,
  { path, examplesPath, options }: ScoreJob['parts'][number],
  onDone: (done: number, of: number) => Promise<void>,
): Promise<PartResult> {
  const rows = await readItemRows(path);
  switch (options.kind) {
    case 'text': {
      const items = await scoreTexts(model, drawItems(rows, options.limit, options.seed), options.context, onDone);
      return { kind: 'text', figures: textFigures(items), items };
    }
    case 'choices': {
      const items = await scoreChoices(model, drawItems(rows, options.limit, options.seed), options.form, onDone);
      return { kind: 'choices', figures: choiceFigures(items), items };
    }
    case 'exact-match': {
      const examples = examplesPath === null ? null : await readItemRows(examplesPath);
      const items = await scoreAnswers(model, rows, examples, options, onDone);
      return { kind: 'exact-match', figures: answerFigures(items), items };
    }
  }
}
