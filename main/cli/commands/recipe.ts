import { Command } from 'commander';
import { type Recipe, recipeSchema } from '../../../shared/contract/recipes.ts';
import { needsImportance } from '../../../shared/domain/method.ts';
import { describeBatch, describeBatches, describeRecipe } from '../recipe-display.ts';
import { STRATA } from '../report.ts';
import { anyNumber, command, type CommonOptions, refuse, type Session, withSession } from '../session.ts';
import { requestOf, type TrainOptions, trainOptions } from '../train-options.ts';
import { measured } from './model-plan.ts';

interface RecipeOptions extends TrainOptions {
  methods?: string;
  replayShares?: string;
  blockCounts?: string;
  places?: string[];
  learningRates?: string;
  earlyStop: boolean;
  fraction?: number;
  limit?: number;
  preview?: boolean;
}

/** `strata recipe controls | sweep | forecast | list | show | cancel`: several runs that answer one question. */
export function recipeCommand(): Command {
  const recipe = new Command('recipe').description('several runs that answer one question: controls, a sweep, a forecast');
  recipe.addCommand(
    recipeOptions('controls', 'the expansion beside LoRA, full training and training existing blocks: same tokens, with and without replay')
      .option('--methods <list>', 'only some, separated by commas: expand, lora, full, freeze')
      .action((options: RecipeOptions) =>
        work(options, { kind: 'controls', ...(options.methods === undefined ? {} : { methods: listOf(options.methods) }) }),
      ),
  );
  recipe.addCommand(
    recipeOptions('sweep', 'every combination of some values; a run that another one beats in gain and forgetting is ended early')
      .option('--replay-shares <list>', 'such as 0,0.05,0.25')
      .option('--block-counts <list>', 'such as 1,2,4')
      .option('--places <places...>', 'such as even top; names also separated by commas')
      .option('--learning-rates <list>', 'such as 0.0005,0.002')
      .option('--no-early-stop', 'train every run to its end')
      .action((options: RecipeOptions) => {
        const { replayShares, blockCounts, places, learningRates, earlyStop, seed } = options;
        const numbers = (name: string, list: string | undefined): object => (list === undefined ? {} : { [name]: numbersOf(name, list) });
        return work(options, {
          kind: 'sweep',
          ...numbers('replayShares', replayShares),
          ...numbers('blockCounts', blockCounts),
          ...numbers('learningRates', learningRates),
          ...(places === undefined ? {} : { places: places.flatMap(placesOf) }),
          earlyStop,
          ...(seed === undefined ? {} : { seed }),
        });
      }),
  );
  recipe.addCommand(
    recipeOptions('forecast', 'four short pilots that predict gain and forgetting over the replay share')
      .addOption(anyNumber('--fraction <x>', 'length of a pilot, as a fraction of the run (default 0.1)'))
      .addOption(anyNumber('--limit <nats>', 'recommend the smallest replay share with which the loss on old rises at most so much'))
      .action((options: RecipeOptions) => {
        const { fraction, limit } = options;
        return work(options, {
          kind: 'forecast',
          ...(fraction === undefined ? {} : { fraction }),
          ...(limit === undefined ? {} : { limit }),
        });
      }),
  );
  recipe.addCommand(
    command('list', 'all batches, newest first').action((options: CommonOptions) =>
      withSession(options, ({ studio, print }) => {
        const batches = studio.recipes.list();
        print(batches, () => describeBatches(batches));
        return Promise.resolve();
      }),
    ),
  );
  for (const [name, description] of [
    ['show', 'a batch: its runs, and what they say together'],
    ['cancel', 'take what waits out of the queue, and end what trains'],
  ] as const) {
    recipe.addCommand(
      command(name, description)
        .argument('<batch>', 'id or name')
        .action((batch: string, options: CommonOptions) =>
          withSession(options, ({ studio, print }) => {
            const shown = studio.recipes[name]({ batch });
            print(shown, () => describeBatch(shown));
            return Promise.resolve();
          }),
        ),
    );
  }
  return recipe;
}

function recipeOptions(name: string, description: string): Command {
  return trainOptions(command(name, description)).option('--preview', 'only show the runs that it would make, and what they need');
}

/** Shows the runs of a recipe, or puts them into the queue. */
function work(options: RecipeOptions, asked: Record<string, unknown>): Promise<void> {
  return withSession(options, async (session) => {
    const { studio, print } = session;
    const { name, ...request } = requestOf(session, options);
    const parsed = recipeSchema.safeParse({ ...asked, request, ...(name === undefined ? {} : { name }) });
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      const option = `--${String(path[0]).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw refuse(
        'The recipe is not possible as asked.',
        option,
        message,
        `"${STRATA} recipe ${String(asked.kind)} --help" says what is.`,
      );
    }
    const recipe = parsed.data;
    await measureBlocks(session, recipe);
    if (options.preview) {
      const preview = await studio.recipes.preview(recipe);
      return print(preview, () => describeRecipe(preview));
    }
    const batch = await studio.recipes.start(recipe);
    print(batch, () => `${describeBatch(batch)}\n\nWork through the queue with: ${STRATA} queue run`);
  });
}

/** Measures what the base's blocks matter, where a run of the recipe places new ones by that. */
async function measureBlocks(session: Session, recipe: Recipe): Promise<void> {
  const { model, oldDatasets, rendering, method, place } = recipe.request;
  const places = recipe.kind === 'sweep' ? (recipe.places ?? []) : [];
  if (![place, ...places].some((each) => each !== undefined && needsImportance({ method, place: each }))) return;
  await measured(session, { model, oldDatasets, ...(rendering ? { rendering } : {}) });
}

function listOf(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** Names may share a word; positions are one place. */
function placesOf(text: string): string[] {
  return /^[\d,\s]+$/.test(text) ? [text] : listOf(text);
}

function numbersOf(name: string, text: string): number[] {
  const numbers = listOf(text).map((part) => (part === '' ? NaN : Number(part)));
  if (numbers.every(Number.isFinite)) return numbers;
  const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw refuse(`That is not a possible value of ${option}.`, text, 'numbers separated by commas', `Such as ${option} 1,2.`);
}
