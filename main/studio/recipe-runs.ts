import type { Recipe } from '../../shared/contract/recipes.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { PILOT_SHARES } from '../../shared/domain/forecast.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { countParameters, DEFAULT_RANK, LORA_TARGETS, type MethodName, needsImportance } from '../../shared/domain/method.ts';
import { type ExpansionPlan, parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { StrataError } from '../../shared/errors.ts';
import type { ParsedTrainRequest } from './train-request.ts';

/** The runs that a recipe consists of, in the order in which they are trained. Pure. */

/** A run of a recipe: what sets it apart from the others, and its whole request. */
export interface RecipeRun {
  label: string;
  request: ParsedTrainRequest;
}

type RecipeOf<Kind extends Recipe['kind']> = Extract<Recipe, { kind: Kind }>;

/** More runs than anybody waits for are a mistake in the grid. */
const MOST_RUNS = 100;
/** A pilot of fewer steps would be mostly warm-up. */
const LEAST_PILOT_STEPS = 30;
/** A pilot with the smallest share above 0 trains on at least so many windows of old text. */
const LEAST_OLD_WINDOWS = 2;

/** Of a request, what is the same in every control. */
function withoutMethod(request: ParsedTrainRequest): ParsedTrainRequest {
  const { blocks: _blocks, place: _place, rank: _rank, alpha: _alpha, targets: _targets, trainBlocks: _trainBlocks, ...rest } = request;
  const { learningRate: _learningRate, ...same } = rest;
  return same;
}

/** A request whose length is so many steps, however it was given. */
function withSteps(request: ParsedTrainRequest, steps: number): ParsedTrainRequest {
  const { tokens: _tokens, epochs: _epochs, ...rest } = request;
  return { ...rest, steps };
}

/**
 * Every method with the request's replay share and with none. LoRA stands there twice: with as many parameters as the expansion adds, as
 * nearly as whole ranks allow, and with a small rank. The blocks that `freeze` trains are those that the expansion copies, as many as it adds.
 * @param outlook of the request itself, which must be an expansion.
 */
export function controlRuns(recipe: RecipeOf<'controls'>, outlook: TrainPreview, config: LlamaConfig): RecipeRun[] {
  const { request, methods, learningRates } = recipe;
  const { plan } = outlook;
  if (!plan) {
    throw new StrataError('BAD_INPUT', 'Controls are controls of an expansion.', {
      found: `the method ${request.method}`,
      allowed: 'expand; the recipe adds the other methods itself',
      hint: 'Leave the method out.',
    });
  }
  const shares = [...new Set([outlook.replayShare, 0])];
  const same = withSteps(withoutMethod(request), outlook.steps);
  const rateOf = (method: MethodName): Pick<ParsedTrainRequest, 'learningRate'> => {
    const rate = learningRates[method] ?? (method === 'expand' ? request.learningRate : undefined);
    return rate === undefined ? {} : { learningRate: rate };
  };
  const { blocks, place } = request;
  const variants: Record<MethodName, RecipeRun[]> = {
    expand: [
      {
        label: `expand by ${plan.inserted.length}`,
        request: { ...same, method: 'expand', ...(blocks === undefined ? {} : { blocks }), ...(place === undefined ? {} : { place }) },
      },
    ],
    lora: loraRanks(outlook.addedParameters, config).map((rank) => ({
      label: `lora, rank ${rank}`,
      request: { ...same, method: 'lora', rank },
    })),
    full: [{ label: 'full', request: { ...same, method: 'full' } }],
    freeze: [existingBlocks(plan)].map((chosen) => ({
      label: `freeze, trained blocks ${chosen.join(', ')}`,
      request: { ...same, method: 'freeze', trainBlocks: chosen.join(',') },
    })),
  };
  return [...new Set(methods)].flatMap((method) =>
    variants[method].flatMap(({ label, request: variant }) =>
      shares.map((replayShare) => ({
        label: shares.length > 1 ? `${label}, ${describeShare(replayShare)}` : label,
        request: { ...variant, ...rateOf(method), replayShare },
      })),
    ),
  );
}

/** The rank with about so many parameters, and a small one where that is another. */
function loraRanks(parameters: number, config: LlamaConfig): number[] {
  const perRank = countParameters({ name: 'lora', rank: 1, alpha: 1, targets: [...LORA_TARGETS] }, config).trainable;
  const { hiddenSize, intermediateSize, keyValueHeads, headSize } = config;
  const largest = Math.min(hiddenSize, intermediateSize, keyValueHeads * headSize);
  const matched = Math.min(largest, Math.max(1, Math.round(parameters / perRank)));
  const small = Math.min(DEFAULT_RANK, Math.ceil(matched / 4));
  return [...new Set([matched, small])];
}

/** As many of the base's own blocks as are inserted: those that are copied, then others from the top. */
function existingBlocks({ baseBlocks, inserted }: ExpansionPlan): number[] {
  const fromTop = Array.from({ length: baseBlocks }, (_, index) => baseBlocks - 1 - index);
  const chosen = new Set([...inserted.map(({ copies }) => copies), ...fromTop]);
  return [...chosen].slice(0, Math.min(inserted.length, baseBlocks)).sort((a, b) => a - b);
}

/**
 * Every combination of the axes' values, in a seeded order: a sweep that is ended early has then seen something of every corner. Combinations
 * that mean the same, as one block `even` and at the `top` do, are trained once.
 */
export function sweepRuns(recipe: RecipeOf<'sweep'>, outlook: TrainPreview): RecipeRun[] {
  const axes = [
    axis(recipe.replayShares, 'replayShare', describeShare),
    axis(recipe.blockCounts, 'blocks', (count) => `${count} ${count === 1 ? 'block' : 'blocks'}`),
    axis(recipe.places, 'place', (place) => `at ${place}`),
    axis(recipe.learningRates, 'learningRate', (rate) => `rate ${rate}`),
  ].filter((values) => values.length > 0);
  const count = axes.reduce((product, values) => product * values.length, axes.length === 0 ? 0 : 1);
  if (count < 2 || count > MOST_RUNS) {
    throw new StrataError('BAD_INPUT', 'A sweep of so many runs is not made.', {
      found: `${count} ${count === 1 ? 'combination' : 'combinations'}`,
      allowed: `2 to ${MOST_RUNS}`,
      hint: 'Name two or more values of replay share, blocks, places or learning rates, and not too many of all.',
    });
  }
  const same = withSteps(recipe.request, outlook.steps);
  const grid = axes.reduce<RecipeRun[]>(
    (runs, values) =>
      runs.flatMap(({ label, request }) =>
        values.map((value) => ({
          label: label === '' ? value.label : `${label}, ${value.label}`,
          request: { ...request, ...value.change },
        })),
      ),
    [{ label: '', request: same }],
  );
  return shuffled(withoutDoubles(grid, outlook.plan?.baseBlocks ?? 0), recipe.seed);
}

function withoutDoubles(runs: readonly RecipeRun[], baseBlocks: number): RecipeRun[] {
  const signs = new Set<string>();
  return runs.filter(({ request }) => {
    const { blocks, place = 'even', ...rest } = request;
    const isPlanned = request.method === 'expand' && !needsImportance({ method: 'expand', place });
    const plan = isPlanned ? planExpansion(baseBlocks, blocks, parsePlace(place)) : { blocks, place };
    const sign = JSON.stringify([plan, rest]);
    const isNew = !signs.has(sign);
    signs.add(sign);
    return isNew;
  });
}

interface AxisValue {
  label: string;
  change: Partial<ParsedTrainRequest>;
}

function axis<Value extends string | number>(
  values: readonly Value[] | undefined,
  field: keyof ParsedTrainRequest,
  labelOf: (value: Value) => string,
): AxisValue[] {
  return [...new Set(values)].map((value) => ({ label: labelOf(value), change: { [field]: value } }));
}

/** Fisher and Yates' shuffle. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = randomStream(seed);
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Four runs that differ in their replay share alone, as long as {@link pilotSteps} says. */
export function pilotRuns(recipe: RecipeOf<'forecast'>, outlook: TrainPreview): RecipeRun[] {
  if (recipe.request.oldDatasets.length === 0) {
    throw new StrataError('BAD_INPUT', 'A forecast over the replay share needs old data.', {
      found: 'no old dataset',
      allowed: 'one or more: what the model already does well, and must keep',
    });
  }
  const same = withSteps(recipe.request, pilotSteps(recipe, outlook));
  return PILOT_SHARES.map((replayShare) => ({ label: `pilot, ${describeShare(replayShare)}`, request: { ...same, replayShare } }));
}

/** A fraction of the planned run, but enough to learn something and to see the smallest share at all; never longer than that run. */
export function pilotSteps({ fraction }: RecipeOf<'forecast'>, { steps, batch }: Pick<TrainPreview, 'steps' | 'batch'>): number {
  const leastShare = Math.min(...PILOT_SHARES.filter((share) => share > 0));
  const forOldWindows = Math.ceil(LEAST_OLD_WINDOWS / (leastShare * batch));
  return Math.min(steps, Math.max(Math.ceil(fraction * steps), LEAST_PILOT_STEPS, forOldWindows));
}

function describeShare(share: number): string {
  return share === 0 ? 'no replay' : `replay ${Number((share * 100).toFixed(4))} %`;
}
