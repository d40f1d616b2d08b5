import type { Command } from 'commander';
import { trainRequestSchema } from '../../../shared/contract/contract.ts';
import { DEFAULT_REPLAY_SHARE } from '../../../shared/domain/mixture.ts';
import { METHODS } from '../../../shared/domain/run.ts';
import { ADVANCED_SETTINGS, type AdvancedSettings, type ParsedTrainRequest } from '../../studio/train-request.ts';
import { anyNumber, command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';
import { describePlan, describeResult, followRun } from '../train-display.ts';

interface TrainOptions extends CommonOptions {
  model: string;
  new: string[];
  old?: string[];
  replay?: number;
  method: string;
  blocks?: number;
  at: string;
  tokens?: number;
  steps?: number;
  epochs?: number;
  batch?: number;
  context?: number;
  lr?: number;
  seed?: number;
  name?: string;
  set?: string[];
}

/** `strata train`: expansion and training in one, from the plan to the report. */
export function trainCommand(): Command {
  return command('train', 'insert new blocks and train them on new data, with a share of the old replayed')
    .requiredOption('--model <model>', 'the base: id or name')
    .requiredOption('--new <datasets...>', 'what to learn')
    .option('--old <datasets...>', 'what must be kept: measured, and replayed')
    .addOption(anyNumber('--replay <share>', `fraction of the tokens that are old (default ${DEFAULT_REPLAY_SHARE} with old data)`))
    .option('--method <method>', `${METHODS.join(' or ')}`, 'expand')
    .addOption(wholeNumber('--blocks <n>', "how many new blocks (default a quarter of the base's)", 1))
    .option('--at <place>', 'even, top, bottom, or positions such as 3,7,7,11', 'even')
    .addOption(wholeNumber('--tokens <n>', 'how long: tokens', 1))
    .addOption(wholeNumber('--steps <n>', 'how long: steps', 1))
    .addOption(anyNumber('--epochs <x>', 'how long: times through the new data (default 1, at most 600 steps)'))
    .addOption(wholeNumber('--batch <n>', 'windows per step (default 8)', 1))
    .addOption(wholeNumber('--context <n>', 'tokens per window (default 256)', 2))
    .addOption(anyNumber('--lr <x>', 'peak learning rate'))
    .addOption(wholeNumber('--seed <n>', 'order of the data (default 1)', 0))
    .addOption(nameOption('what to call the run and its model'))
    .option('--set <settings...>', `key=value for ${ADVANCED_SETTINGS.join(', ')}`)
    .action((options: TrainOptions) =>
      withSession(options, async (session) => {
        const request = requestOf(options);
        const { runs } = session.studio;
        session.say(describePlan(await runs.preview(request)));
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
    tokens: options.tokens,
    steps: options.steps,
    epochs: options.epochs,
    batch: options.batch,
    context: options.context,
    learningRate: options.lr,
    seed: options.seed,
    name: options.name,
    engine: options.engine,
  };
  const parsed = trainRequestSchema.safeParse(asked);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw refuse('The run is not possible as asked.', `${path.join('.')} ${JSON.stringify(asked[String(path[0])])}`, message);
  }
  return { ...parsed.data, advanced: settingsOf(options.set ?? []) };
}

function settingsOf(pairs: readonly string[]): AdvancedSettings {
  const settings: AdvancedSettings = {};
  for (const pair of pairs) {
    const [key, text] = pair.split('=', 2) as [string, string | undefined];
    const value = Number(text);
    if (!(ADVANCED_SETTINGS as readonly string[]).includes(key) || text === undefined || text.trim() === '' || !Number.isFinite(value)) {
      throw refuse('--set takes settings as key=number.', pair, ADVANCED_SETTINGS.map((name) => `${name}=...`).join(', '));
    }
    settings[key as keyof AdvancedSettings] = value;
  }
  return settings;
}
