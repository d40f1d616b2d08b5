import type { Command } from 'commander';
import { allowedBy } from '../../../shared/allowed.ts';
import { trainRequestSchema } from '../../../shared/contract/contract.ts';
import { DEFAULT_RANK, LORA_TARGETS, METHOD_WORDS, METHODS, needsImportance } from '../../../shared/domain/method.ts';
import { DEFAULT_REPLAY_SHARE } from '../../../shared/domain/mixture.ts';
import { PLACE_FORMS } from '../../../shared/domain/plan.ts';
import { type AdvancedSettings, describeSetting, parseSetting, SETTING_NAMES } from '../../../shared/domain/settings.ts';
import type { ParsedTrainRequest } from '../../studio/train-request.ts';
import { fields } from '../format.ts';
import { anyNumber, command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';
import { describePlan, describeResult, followRun } from '../train-display.ts';
import { measured } from './model-plan.ts';

interface TrainOptions extends CommonOptions {
  model: string;
  new: string[];
  old?: string[];
  replay?: number;
  method: string;
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
  set?: string[];
  dryRun?: boolean;
}

/** `strata train`: everything from the plan to the report. */
export function trainCommand(): Command {
  return command('train', 'insert new blocks (or choose what else to train) and train on new data, with a share of the old replayed')
    .requiredOption('--model <model>', 'the base: id or name')
    .requiredOption('--new <datasets...>', 'what to learn')
    .option('--old <datasets...>', 'what must be kept: measured, and replayed')
    .addOption(anyNumber('--replay <share>', `fraction of the tokens that are old (default ${DEFAULT_REPLAY_SHARE} with old data)`))
    .option('--method <method>', `what is trained: ${METHODS.join(', ')}`, 'expand')
    .addOption(wholeNumber('--blocks <n>', "expand: how many new blocks (default a quarter of the base's)", 1))
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
    .option('--set <settings...>', 'key=value, see below')
    .option('--dry-run', 'only show what the run would do, need and cost')
    .addHelpText('after', moreHelp())
    .action((options: TrainOptions) =>
      withSession(options, async (session) => {
        const request = requestOf(options);
        const { runs } = session.studio;
        if (needsImportance(request)) await measured(session, { model: request.model, oldDatasets: request.oldDatasets });
        const preview = await runs.preview(request);
        if (options.dryRun) return session.print(preview, () => describePlan(preview));
        session.say(describePlan(preview));
        const started = await runs.start(request);
        const run = await followRun(session, started.id);
        session.print(run, () => `\n${describeResult(run)}`);
      }),
    );
}

function requestOf(options: TrainOptions): ParsedTrainRequest {
  if (!(METHODS as readonly string[]).includes(options.method)) {
    throw refuse('That is not a training method.', options.method, METHODS.join(', '));
  }
  for (const name of ['epochs', 'lr'] as const) {
    if (options[name] !== undefined && options[name] <= 0)
      throw refuse(`--${name} must be positive.`, String(options[name]), 'a number above 0');
  }
  const asked: Record<string, unknown> = {
    model: options.model,
    newDatasets: options.new,
    oldDatasets: options.old,
    replayShare: options.replay,
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
    advanced: settingsOf(options.set ?? []),
  };
  const parsed = trainRequestSchema.safeParse(asked);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const { path } = issue;
    throw refuse('The run is not possible as asked.', `${path.join('.')} ${JSON.stringify(asked[String(path[0])])}`, allowedBy(issue));
  }
  return parsed.data;
}

function settingsOf(pairs: readonly string[]): AdvancedSettings {
  const settings: AdvancedSettings = {};
  for (const pair of pairs) {
    const [name, ...rest] = pair.split('=') as [string, ...string[]];
    const setting = parseSetting(name, rest.join('='));
    if (!setting) throw refuse('--set does not take that.', pair, SETTING_NAMES.map(settingForm).join(', '));
    if (Object.keys(setting).some((key) => key in settings)) throw refuse('A setting was given twice.', pair, 'each setting once');
    Object.assign(settings, setting);
  }
  return settings;
}

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
