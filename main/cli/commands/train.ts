import type { Command } from 'commander';
import { METHODS, type Method } from '../../../shared/domain/run.ts';
import { ADVANCED_SETTINGS, type AdvancedSettings, type ParsedTrainRequest } from '../../studio/train-request.ts';
import { anyNumber, command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';
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
    .option('--replay <share>', 'fraction of the tokens that are old (default 0.1 with old data)', anyNumber)
    .option('--method <method>', `${METHODS.join(' or ')}`, 'expand')
    .option('--blocks <n>', "how many new blocks (default a quarter of the base's)", wholeNumber(1))
    .option('--at <place>', 'even, top, bottom, or positions such as 3,7,7,11', 'even')
    .option('--tokens <n>', 'how long: tokens', wholeNumber(1))
    .option('--steps <n>', 'how long: steps', wholeNumber(1))
    .option('--epochs <x>', 'how long: times through the new data (default 1, at most 600 steps)', anyNumber)
    .option('--batch <n>', 'windows per step (default 8)', wholeNumber(1))
    .option('--context <n>', 'tokens per window (default 256)', wholeNumber(2))
    .option('--lr <x>', 'peak learning rate', anyNumber)
    .option('--seed <n>', 'order of the data (default 1)', wholeNumber(0))
    .option('--name <name>', 'what to call the run and its model')
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
  const optional = {
    replayShare: options.replay,
    blocks: options.blocks,
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
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    ...given,
    model: options.model,
    newDatasets: options.new,
    oldDatasets: options.old ?? [],
    method: options.method as Method,
    place: options.at,
    advanced: settingsOf(options.set ?? []),
  };
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
