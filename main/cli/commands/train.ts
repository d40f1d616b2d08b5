import type { Command } from 'commander';
import { allowedBy } from '../../../shared/allowed.ts';
import { trainRequestSchema } from '../../../shared/contract/training.ts';
import { DEFAULT_RANK, LORA_TARGETS, METHOD_WORDS, METHODS, needsImportance } from '../../../shared/domain/method.ts';
import { GUARD_FORM, parseGuard } from '../../../shared/domain/guard.ts';
import { SCHEDULE_FORM } from '../../../shared/domain/mixture-curve.ts';
import { WEIGHTINGS } from '../../../shared/domain/mixture.ts';
import { FAR_REPLAY, NEAR_REPLAY } from '../../../shared/domain/distance.ts';
import { MAX_INSERTED_BLOCKS, PLACE_FORMS } from '../../../shared/domain/plan.ts';
import { type Rendering, renderingSchema } from '../../../shared/domain/rendering.ts';
import { type AdvancedSettings, describeSetting, parseSetting, SETTING_NAMES } from '../../../shared/domain/settings.ts';
import type { ParsedTrainRequest } from '../../studio/train-request.ts';
import { carriedOver, continued } from '../continue-run.ts';
import { fields } from '../format.ts';
import { renderingOptions } from '../rendering-options.ts';
import { STRATA } from '../report.ts';
import { anyNumber, command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';
import { describePlan, describeResult, followRun } from '../train-display.ts';
import { measured } from './model-plan.ts';

interface TrainOptions extends CommonOptions, Rendering {
  model?: string;
  continue?: string;
  keepSample?: number;
  new: string[];
  old?: string[];
  replay?: number;
  replaySchedule?: string;
  weights?: string;
  temperature?: number;
  maxRepeats?: number;
  method?: string;
  blocks?: number;
  at?: string;
  rank?: number;
  alpha?: number;
  targets?: string;
  trainBlocks?: string;
  tokens?: number;
  steps?: number;
  epochs?: number;
  batch?: number;
  context?: number;
  lr?: number;
  seed?: number;
  name?: string;
  guard?: string;
  set?: string[];
  dryRun?: boolean;
}

/** `strata train`: everything from the plan to the report. */
export function trainCommand(): Command {
  const [completions, learn] = renderingOptions();
  return command('train', 'insert new blocks (or choose what else to train) and train on new data, with a share of the old replayed')
    .option('--model <model>', 'the base: id or name')
    .option('--continue <run>', 'learn the next domain: from what this run made, with its data on the old side and its settings')
    .addOption(wholeNumber('--keep-sample <n>', 'with --continue: replay a sample of about so many tokens of each dataset just learned', 1))
    .requiredOption('--new <datasets...>', 'what to learn; DATASET=NUMBER gives it a share of all tokens, or with --replay a weight')
    .option('--old <datasets...>', 'what must be kept: measured, and replayed; DATASET=NUMBER as with --new')
    .addOption(
      anyNumber(
        '--replay <share>',
        `fraction of the tokens that are old (default by the measured distance: ${NEAR_REPLAY} near to ${FAR_REPLAY} far)`,
      ),
    )
    .option('--replay-schedule <course>', `over the run: ${SCHEDULE_FORM} (default constant)`)
    .option('--weights <rule>', `how datasets of a role share its tokens: ${WEIGHTINGS.join(', ')} (default size)`)
    .addOption(anyNumber('--temperature <t>', 'of weights by size: size^(1/T); 2 is sqrt, a high one almost equal'))
    .addOption(anyNumber('--max-repeats <r>', 'a dataset is gone through at most so many times; others of its role have the rest'))
    .addOption(completions)
    .addOption(learn)
    .option('--method <method>', `what is trained: ${METHODS.join(', ')} (default expand)`)
    .addOption(wholeNumber('--blocks <n>', "expand: how many new blocks (default a quarter of the base's)", 1, MAX_INSERTED_BLOCKS))
    .option('--at <place>', `expand: ${PLACE_FORMS} (default even)`)
    .addOption(wholeNumber('--rank <n>', `lora: rank of the adapters (default ${DEFAULT_RANK})`, 1))
    .addOption(anyNumber('--alpha <x>', 'lora: scale, applied as alpha / rank (default twice the rank)'))
    .option('--targets <names>', `lora: which matrices, separated by commas (default all: ${LORA_TARGETS.join(',')})`)
    .option('--train-blocks <which>', "freeze: the base's own blocks that are trained, such as 28,29, top:2 or bottom:2")
    .addOption(wholeNumber('--tokens <n>', 'how long: tokens', 1))
    .addOption(wholeNumber('--steps <n>', 'how long: steps', 1))
    .addOption(anyNumber('--epochs <x>', 'how long: times through the new data (default 1, at most 600 steps)'))
    .addOption(wholeNumber('--batch <n>', 'windows per step (default 8)', 1))
    .addOption(wholeNumber('--context <n>', 'tokens per window (default 256)', 2))
    .addOption(anyNumber('--lr <x>', 'peak learning rate'))
    .addOption(wholeNumber('--seed <n>', 'order of the data (default 1)', 0))
    .addOption(nameOption('what to call the run and its model'))
    .option('--guard <limit>', `limit on forgetting, in quotes: ${GUARD_FORM}`)
    .option('--set <settings...>', 'key=value, see below')
    .option('--dry-run', 'only show what the run would do, need and cost')
    .addHelpText('after', moreHelp())
    .action((options: TrainOptions, called: Command) =>
      withSession(options, async (session) => {
        const { models, runs, datasets } = session.studio;
        const isTyped = (name: string): boolean => called.getOptionValueSource(name) === 'cli';
        const carried = await carriedOver(session, options);
        const isRenderingTyped = isTyped('completions') || isTyped('learn');
        const rendering = renderingSchema.parse(isRenderingTyped || !carried?.rendering ? options : carried.rendering);
        const isDataset = (text: string): boolean => datasets.list().some(({ id, name }) => id === text || name === text);
        const request = requestOf({ ...options, rendering }, isDataset, (asked) => (carried ? continued(carried, asked, datasets) : asked));
        const { model, oldDatasets } = request;
        if (needsImportance(request)) await measured(session, { model, oldDatasets, rendering });
        const preview = await runs.preview(request, () =>
          session.say('No replay share was given: measuring how far the new data are from the old.'),
        );
        if (options.dryRun) {
          await models.checkPlan(models.find(model)); // what the run itself would be refused for
          return session.print(preview, () => describePlan(preview));
        }
        const started = await runs.start(request, () => session.say(describePlan(preview)));
        const run = await followRun(session, started.id);
        session.print(run, () => `\n${describeResult(run)}`);
      }),
    );
}

/**
 * @param isDataset whether a text is the id or name of a dataset: one with `=` in it is no share.
 * @param completed adds what another run carries over.
 */
function requestOf(
  options: TrainOptions & { rendering: Rendering },
  isDataset: (text: string) => boolean,
  completed: (asked: Record<string, unknown>) => Record<string, unknown>,
): ParsedTrainRequest {
  if (options.method !== undefined && !(METHODS as readonly string[]).includes(options.method)) {
    throw refuse(
      'That is not a training method.',
      options.method,
      METHODS.join(', '),
      `Leave --method out for ${METHODS[0]}, LLaMA Pro's.`,
    );
  }
  for (const name of ['epochs', 'lr'] as const) {
    if (options[name] !== undefined && options[name] <= 0)
      throw refuse(`--${name} must be positive.`, String(options[name]), 'a number above 0', `Leave --${name} out for its default.`);
  }
  const shares: Record<string, number> = {};
  const without = (texts: readonly string[] | undefined): string[] | undefined =>
    texts?.map((text) => withoutShare(text, isDataset, shares));
  const asked = completed({
    model: options.model,
    newDatasets: without(options.new),
    oldDatasets: without(options.old),
    replayShare: options.replay,
    replaySchedule: options.replaySchedule,
    weights: options.weights,
    temperature: options.temperature,
    maxRepeats: options.maxRepeats,
    rendering: options.rendering,
    ...(Object.keys(shares).length > 0 ? { shares } : {}),
    method: options.method,
    blocks: options.blocks,
    place: options.at,
    rank: options.rank,
    alpha: options.alpha,
    targets: options.targets?.split(',').map((target) => target.trim()),
    trainBlocks: options.trainBlocks,
    tokens: options.tokens,
    steps: options.steps,
    epochs: options.epochs,
    batch: options.batch,
    context: options.context,
    learningRate: options.lr,
    seed: options.seed,
    name: options.name,
    engine: options.engine,
    guard: options.guard === undefined ? undefined : parseGuard(options.guard),
    advanced: settingsOf(options.set ?? []),
  });
  const parsed = trainRequestSchema.safeParse(asked);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const { path } = issue;
    throw refuse(
      'The run is not possible as asked.',
      `${path.join('.')} ${JSON.stringify(asked[String(path[0])])}`,
      allowedBy(issue),
      MEANING,
    );
  }
  return parsed.data;
}

/** A dataset as it was named; a number after the last `=` is its share. */
function withoutShare(text: string, isDataset: (text: string) => boolean, shares: Record<string, number>): string {
  const at = text.lastIndexOf('=');
  if (at <= 0 || isDataset(text)) return text;
  const [name, number] = [text.slice(0, at), text.slice(at + 1)];
  const share = number.trim() === '' ? NaN : Number(number);
  if (!Number.isFinite(share))
    throw refuse(
      'That is no share of a dataset.',
      text,
      'DATASET=NUMBER, such as code=0.7',
      'Write a number behind the last =, or only the name of the dataset.',
    );
  if (name in shares) throw refuse('A dataset has two shares.', text, 'each dataset once', `Name ${name} once, with one share.`);
  shares[name] = share;
  return name;
}

function settingsOf(pairs: readonly string[]): AdvancedSettings {
  const settings: AdvancedSettings = {};
  for (const pair of pairs) {
    const [name, ...rest] = pair.split('=') as [string, ...string[]];
    const setting = parseSetting(name, rest.join('='));
    if (!setting) throw refuse('--set does not take that.', pair, SETTING_NAMES.map(settingForm).join(', '), MEANING);
    if (Object.keys(setting).some((key) => key in settings))
      throw refuse('A setting was given twice.', pair, 'each setting once', `Leave one of the values of ${name} out.`);
    Object.assign(settings, setting);
  }
  return settings;
}

const MEANING = `"${STRATA} train --help" lists every option and setting with its meaning.`;

function settingForm(name: (typeof SETTING_NAMES)[number]): string {
  return `${name}=${describeSetting(name).choices?.join('|') ?? 'NUMBER'}`;
}

/** Methods and settings, one a line. */
function moreHelp(): string {
  const methods = METHODS.map((name): [string, string] => [name, METHOD_WORDS[name].meaning]);
  const settings = SETTING_NAMES.map((name): [string, string] => [settingForm(name), describeSetting(name).meaning]);
  const list = (entries: [string, string][]): string => fields(entries.map(([name, meaning]) => [`  ${name}`, meaning]));
  return `\nMethods:\n${list(methods)}\n\nSettings:\n${list(settings)}`;
}
