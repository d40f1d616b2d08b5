import { allowedBy } from '../../shared/allowed.ts';
import type { RunRequest } from '../../shared/contract/runs.ts';
import { trainRequestSchema } from '../../shared/contract/training.ts';
import { parseSetting, SETTING_NAMES } from '../../shared/domain/settings.ts';
import type { ParsedTrainRequest } from '../studio/train-request.ts';
import { STRATA } from './report.ts';
import { refuse } from './session.ts';

/** How a field of a request is read from what is typed. */
const READERS = {
  model: text,
  newDatasets: list,
  oldDatasets: list,
  replayShare: number,
  replaySchedule: text,
  weights: text,
  temperature: number,
  maxRepeats: number,
  method: text,
  blocks: number,
  place: text,
  rank: number,
  alpha: number,
  targets: list,
  trainBlocks: text,
  steps: number,
  tokens: number,
  epochs: number,
  batch: number,
  context: number,
  learningRate: number,
  seed: number,
  engine: text,
} satisfies Partial<Record<keyof ParsedTrainRequest, (text: string) => unknown>>;

/** Fields of a request that a clone may change, beside the settings of `train --set`. */
export const CHANGES = Object.keys(READERS) as (keyof typeof READERS)[];

/** What belongs to one choice, and is dropped when another is made. */
const TOGETHER: readonly (readonly (keyof ParsedTrainRequest)[])[] = [
  ['steps', 'tokens', 'epochs'],
  ['method', 'blocks', 'place', 'rank', 'alpha', 'targets', 'trainBlocks'],
];

/**
 * A run's request with changes `key=value`. Another method drops the options of the first; another length is one of steps, tokens and epochs.
 * @throws StrataError BAD_INPUT for a change that cannot be, and for data or a model that are gone and not replaced.
 */
export function changedRequest(
  { request, missing }: RunRequest,
  { set = [], name }: { set?: string[]; name?: string },
): ParsedTrainRequest {
  const changes: Record<string, unknown> = {};
  const advanced: Record<string, unknown> = { ...request.advanced };
  for (const pair of set) {
    const [key, ...rest] = pair.split('=') as [string, ...string[]];
    const value = rest.join('=');
    const setting = parseSetting(key, value);
    if (setting) Object.assign(advanced, setting);
    else if (key in READERS && value !== '') changes[key] = READERS[key as keyof typeof READERS](value);
    else throw notAChange(pair);
  }
  const kept = Object.entries(request).filter(([key]) => !isReplaced(key, changes));
  const parsed = trainRequestSchema.safeParse({
    ...Object.fromEntries(kept),
    ...changes,
    advanced,
    ...(name === undefined ? {} : { name }),
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw refuse('The change is not possible.', `${issue.path.join('.')}: ${issue.message}`, allowedBy(issue), HELP);
  }
  const named = [parsed.data.model, ...parsed.data.newDatasets, ...parsed.data.oldDatasets];
  const gone = missing.filter(({ id }) => named.includes(id));
  if (gone.length === 0) return parsed.data;
  throw refuse(
    'What the run was made from is no longer in the workspace.',
    gone.map(({ kind, name: goneName, id }) => `${kind} "${goneName}" (${id})`).join(', '),
    'a model and datasets that are there',
    'Name others, such as --set newDatasets=NAME.',
  );
}

const HELP = `"${STRATA} run clone --help" lists what can be changed.`;

function notAChange(pair: string): ReturnType<typeof refuse> {
  return refuse('--set does not take that.', pair, [...CHANGES, ...SETTING_NAMES].map((key) => `${key}=VALUE`).join(', '), HELP);
}

/** Whether a change makes a field of the request meaningless. */
function isReplaced(key: string, changes: Record<string, unknown>): boolean {
  const [lengths, methods] = TOGETHER as [readonly string[], readonly string[]];
  if (lengths.includes(key)) return lengths.some((other) => other in changes);
  if (methods.includes(key)) return 'method' in changes || (key === 'blocks' && 'place' in changes && !('blocks' in changes));
  // Shares by hand belong to the datasets that they name.
  return (key === 'shares' || key === 'weights') && ('newDatasets' in changes || 'oldDatasets' in changes);
}

function text(value: string): string {
  return value;
}

function list(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

function number(value: string): number {
  return Number(value);
}
