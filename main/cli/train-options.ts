import type { Command } from 'commander';
import { allowedBy } from '../../shared/allowed.ts';
import { type TrainRequest, trainRequestSchema } from '../../shared/contract/training.ts';
import { DEFAULT_RANK, LORA_TARGETS, METHODS } from '../../shared/domain/method.ts';
import { methodMeaning } from '../../shared/domain/method-words.ts';
import { GUARD_FORM, parseGuard } from '../../shared/domain/guard.ts';
import { SCHEDULE_FORM } from '../../shared/domain/mixture-curve.ts';
import { WEIGHTINGS } from '../../shared/domain/mixture.ts';
import { FAR_REPLAY, NEAR_REPLAY } from '../../shared/domain/distance.ts';
import { MAX_INSERTED_BLOCKS, PLACE_FORMS } from '../../shared/domain/plan.ts';
import type { Rendering } from '../../shared/domain/rendering.ts';
import { type AdvancedSettings, describeSetting, parseSetting, SETTING_NAMES } from '../../shared/domain/settings.ts';
import type { ParsedTrainRequest } from '../studio/train-request.ts';
import { continued } from './continue-run.ts';
import { fields } from './format.ts';
import { renderingOptions } from './rendering-options.ts';
import { STRATA } from './report.ts';
import { anyNumber, type CommonOptions, nameOption, refuse, type Session, wholeNumber } from './session.ts';

/** What a run is asked for on the command line: the options of `train` and of every recipe. */

export interface TrainOptions extends CommonOptions, Rendering {
  /** Absent where another run is continued. */
  model?: string;
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
  preset?: string;
  set?: string[];
}

const MODEL = 'the base: id or name';

/** Adds them to a command. One that can go on from another run need not be told its model. */
export function trainOptions(of: Command, { canContinue = false } = {}): Command {
  const [completions, learn] = renderingOptions();
  const model = '--model <model>';
  const withModel = canContinue ? of.option(model, MODEL) : of.requiredOption(model, MODEL);
  return withModel
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
    .option('--method <method>', `what is trained: ${METHODS.join(', ')} (default ${METHODS[0]})`)
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
    .option(
      '--guard <limit>',
      `limit on forgetting, in quotes: ${GUARD_FORM}; ":from-start" behind it also acts on a rise at the beginning`,
    )
    .option('--preset <name>', 'settings under a name, see below; options that are given change them')
    .option('--set <settings...>', 'key=value, see below');
}

/**
 * The request that options mean: what another run carries over, over that what the preset says, and over both what was given.
 * @throws StrataError BAD_INPUT, before anything is started.
 */
export function requestOf(
  { studio, engine }: Session,
  options: TrainOptions,
  carried: Partial<TrainRequest> | null = null,
): ParsedTrainRequest {
  // A name with `=` in it is no share.
  const isDataset = (text: string): boolean => studio.datasets.list().some(({ id, name }) => id === text || name === text);
  const preset = options.preset === undefined ? {} : studio.recipes.preset(options.preset).request;
  const given = askedFor(options, engine, isDataset);
  const advanced = { ...preset.advanced, ...(given.advanced as AdvancedSettings) };
  const chosen: Record<string, unknown> = { ...preset, ...given, ...(Object.keys(advanced).length > 0 ? { advanced } : {}) };
  const asked = carried ? continued(carried, chosen, studio.datasets) : chosen;
  const parsed = trainRequestSchema.safeParse(asked);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const { path } = issue;
  throw refuse(
    'The run is not possible as asked.',
    `${path.join('.')} ${JSON.stringify(asked[String(path[0])])}`,
    allowedBy(issue),
    MEANING,
  );
}

/** Fields of a request by what was given; nothing for what was not. */
function askedFor(options: TrainOptions, engine: string | undefined, isDataset: (text: string) => boolean): Record<string, unknown> {
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
  const asked: Record<string, unknown> = {
    model: options.model,
    newDatasets: without(options.new),
    oldDatasets: without(options.old),
    replayShare: options.replay,
    replaySchedule: options.replaySchedule,
    weights: options.weights,
    temperature: options.temperature,
    maxRepeats: options.maxRepeats,
    rendering: { completions: options.completions, learn: options.learn },
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
    engine,
    guard: options.guard === undefined ? undefined : parseGuard(options.guard),
    advanced: settingsOf(options.set ?? []),
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
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

export function settingsOf(pairs: readonly string[]): AdvancedSettings {
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
  return `${name}=${describeSetting(name).choices?.join('|') ?? (name === 'samplePrompts' ? 'TEXT|TEXT' : 'NUMBER')}`;
}

/** Methods, settings and presets, one a line. */
export function moreHelp(presets: readonly { name: string; meaning: string }[]): string {
  const methods = METHODS.map((name): [string, string] => [name, methodMeaning(name)]);
  const settings = SETTING_NAMES.map((name): [string, string] => [settingForm(name), describeSetting(name).meaning]);
  const list = (entries: [string, string][]): string => fields(entries.map(([name, meaning]) => [`  ${name}`, meaning]));
  return `\nMethods:\n${list(methods)}\n\nSettings:\n${list(settings)}\n\nPresets:\n${list(presets.map(({ name, meaning }) => [name, meaning]))}`;
}
