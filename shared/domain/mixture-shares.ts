import { StrataError } from '../errors.ts';
import { checkShare, DEFAULT_REPLAY_SHARE, type MixtureSource, type Weighting } from './mixture.ts';

/** What products of shares may be off by, in windows. */
const ROUNDING = 1e-6;

/** A dataset of a mixture with its name, for messages. */
export type NamedSource = MixtureSource & { name: string };

/** How tokens are to be shared, as far as it was said. */
export interface SharesRequest {
  replayShare?: number | undefined;
  weighting?: Weighting | undefined;
  temperature?: number | undefined;
  /** By dataset id: its share of all tokens; with a replay share, its weight among those of its role. */
  shares?: Readonly<Record<string, number>> | undefined;
}

export interface Shares {
  replayShare: number;
  weighting: Weighting;
  temperature: number;
  /** By dataset id; those of a role add up to 1. */
  weights: Record<string, number>;
}

/**
 * Who gets how much. Without a replay share, numbers are shares of all tokens: a role that has none takes what the other leaves. With one,
 * they are weights within their role. A role without numbers shares by the size of its datasets.
 * @throws StrataError BAD_INPUT
 */
export function resolveShares(sources: readonly NamedSource[], request: SharesRequest): Shares {
  const weighting = request.weighting ?? (request.shares && Object.keys(request.shares).length > 0 ? 'manual' : 'size');
  const temperature = checkTemperature(request.temperature, weighting);
  const numbers = checkNumbers(sources, request.shares ?? {}, weighting);
  const of = (role: 'new' | 'old'): NamedSource[] => sources.filter((source) => source.role === role);
  const sum = (role: 'new' | 'old'): number | null =>
    of(role).some(({ datasetId }) => datasetId in numbers)
      ? of(role).reduce((total, { datasetId }) => total + numbers[datasetId]!, 0)
      : null;
  const replayShare = request.replayShare ?? replayOf(sum('new'), sum('old'), of('old').length > 0);
  checkShare(replayShare, of('old').length > 0);
  const weights: Record<string, number> = {};
  for (const role of ['new', 'old'] as const) {
    const total = sum(role);
    const raw = of(role).map((source) => (total === null ? 0 : numbers[source.datasetId]!));
    const parts = total === null ? partsBySize(of(role), weighting, temperature) : partsOf(raw, role);
    of(role).forEach(({ datasetId }, index) => (weights[datasetId] = parts[index]!));
  }
  return { replayShare, weighting, temperature, weights };
}

function checkTemperature(temperature: number | undefined, weighting: Weighting): number {
  if (temperature === undefined) return 1;
  if (weighting === 'size' && Number.isFinite(temperature) && temperature > 0) return temperature;
  throw new StrataError('BAD_INPUT', 'The temperature of the shares is not possible.', {
    found: `temperature ${temperature} with weights by ${weighting}`,
    allowed: 'a number above 0 with weights by size, which become size^(1/T): 1 is by size, 2 by square root, a high one almost equal',
  });
}

function checkNumbers(sources: readonly NamedSource[], numbers: Readonly<Record<string, number>>, weighting: Weighting): typeof numbers {
  const given = sources.filter(({ datasetId }) => datasetId in numbers);
  const list = given.map(({ name, datasetId }) => `${name}=${numbers[datasetId]}`).join(', ');
  const refuse = (message: string, found: string, allowed: string): never => {
    throw new StrataError('BAD_INPUT', message, { found, allowed });
  };
  if (weighting === 'manual' && given.length === 0) {
    refuse('Weights by hand need numbers.', 'none', 'a number for each dataset of a role, such as --old law=3 news=1');
  }
  if (weighting !== 'manual' && given.length > 0) {
    refuse(`With weights by ${weighting}, datasets have no numbers of their own.`, list, 'numbers with weights by hand (manual)');
  }
  if (given.some(({ datasetId }) => !Number.isFinite(numbers[datasetId]) || numbers[datasetId]! < 0)) {
    refuse('The share of a dataset is not possible.', list, 'numbers from 0');
  }
  for (const { role } of given) {
    const missing = sources.filter((source) => source.role === role && !(source.datasetId in numbers));
    if (missing.length === 0) continue;
    refuse(
      `Some ${role} datasets have a share and others none.`,
      `none for ${missing.map(({ name }) => name).join(', ')}`,
      'one for each, or for none',
    );
  }
  return numbers;
}

/** The replay share that shares of all tokens mean. */
function replayOf(sumNew: number | null, sumOld: number | null, hasOld: boolean): number {
  if (!hasOld) return 0;
  if (sumNew === null && sumOld === null) return DEFAULT_REPLAY_SHARE;
  const isWhole = sumNew === null || sumOld === null || Math.abs(sumNew + sumOld - 1) < 1e-6;
  const replay = sumOld ?? 1 - sumNew!;
  if (isWhole && replay >= 0 && replay < 1) return replay;
  throw new StrataError('BAD_INPUT', 'The shares of the datasets do not make a whole.', {
    found: [sumNew, sumOld]
      .flatMap((sum, index) => (sum === null ? [] : [`${index === 0 ? 'new' : 'old'} ${Number(sum.toFixed(6))}`]))
      .join(', '),
    allowed: 'shares of all tokens that add up to 1, with some left for new data; with a replay share, any weights',
    hint: 'Give a replay share (--replay), and the numbers are weights among the new and among the old datasets.',
  });
}

/** Numbers as parts of 1. */
function partsOf(numbers: readonly number[], role: 'new' | 'old'): number[] {
  const sum = numbers.reduce((total, each) => total + each, 0);
  if (sum > 0) return numbers.map((each) => each / sum);
  throw new StrataError('BAD_INPUT', `No ${role} dataset has a share.`, {
    found: numbers.join(', '),
    allowed: 'at least one number above 0',
    hint: role === 'old' ? 'To measure old data without replaying them, set the replay share to 0.' : 'Give at least one a share.',
  });
}

/** Parts of 1 by size^(1/T). */
function partsBySize(sources: readonly NamedSource[], weighting: Weighting, temperature: number): number[] {
  const largest = Math.max(...sources.map(({ windows }) => windows));
  const raw = sources.map(({ windows }) => {
    if (weighting === 'equal') return 1;
    if (weighting === 'sqrt') return Math.sqrt(windows / largest);
    return temperature === 1 ? windows / largest : (windows / largest) ** (1 / temperature);
  });
  const sum = raw.reduce((total, each) => total + each, 0);
  return raw.map((each) => each / sum);
}

/** What a cap on repeats leaves of the weights. */
export interface CappedShares {
  weights: Record<string, number>;
  /** By dataset id: windows that its share asks for and the cap does not give. */
  shortfall: Record<string, number>;
}

/**
 * Holds every dataset to so many times through it. What one may not give goes to the others of its role by their weights, over the whole run;
 * a role that cannot give enough is refused, because more of the other role instead would be another replay share than was asked for.
 * @param windows of the whole run.
 * @throws StrataError BAD_INPUT with what is short.
 */
export function capShares(
  sources: readonly NamedSource[],
  { replayShare, weights }: Pick<Shares, 'replayShare' | 'weights'>,
  windows: number,
  maxRepeats: number | null,
  context: number,
): CappedShares {
  const capped: CappedShares = { weights: { ...weights }, shortfall: {} };
  if (maxRepeats === null) return capped;
  if (!Number.isFinite(maxRepeats) || maxRepeats <= 0) {
    throw new StrataError('BAD_INPUT', 'The cap on repeats is not possible.', { found: String(maxRepeats), allowed: 'a number above 0' });
  }
  for (const role of ['new', 'old'] as const) {
    const needed = windows * (role === 'old' ? replayShare : 1 - replayShare);
    if (needed === 0) continue;
    const open = new Set(sources.filter((source) => source.role === role && weights[source.datasetId]! > 0));
    let left = needed;
    for (let isSettled = false; !isSettled;) {
      const sum = [...open].reduce((total, { datasetId }) => total + weights[datasetId]!, 0);
      const full = [...open].filter((source) => (left * weights[source.datasetId]!) / sum > capOf(source, maxRepeats) + ROUNDING);
      for (const { datasetId } of open) capped.weights[datasetId] = (left * weights[datasetId]!) / sum / needed;
      for (const source of full) {
        open.delete(source);
        capped.weights[source.datasetId] = capOf(source, maxRepeats) / needed;
        capped.shortfall[source.datasetId] = needed * weights[source.datasetId]! - capOf(source, maxRepeats);
      }
      left -= full.reduce((total, source) => total + capOf(source, maxRepeats), 0);
      if (open.size === 0) throw tooLittle(role, needed, needed - left, maxRepeats, context);
      isSettled = full.length === 0;
    }
  }
  return capped;
}

function capOf({ windows }: MixtureSource, maxRepeats: number): number {
  return Math.floor(windows * maxRepeats);
}

function tooLittle(role: 'new' | 'old', needed: number, given: number, maxRepeats: number, context: number): StrataError {
  const tokens = (windows: number): string => Math.ceil(windows * context).toLocaleString('en-US');
  return new StrataError('BAD_INPUT', `There is too little ${role} data for this run.`, {
    found: `${tokens(needed)} ${role} tokens are needed; gone through at most ${maxRepeats} times, the data give ${tokens(given)}: ${tokens(needed - given)} are missing`,
    allowed: 'a run that the data can fill',
    hint: `Make the run shorter, allow more repeats, ${role === 'old' ? 'replay a smaller share' : 'replay a larger share'} or add ${role} data.`,
  });
}
