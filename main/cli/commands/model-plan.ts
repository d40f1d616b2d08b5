import type { Command } from 'commander';
import { type Importance, IMPORTANCE_DEFAULTS } from '../../../shared/domain/importance.ts';
import { MAX_INSERTED_BLOCKS, parsePlace, PLACE_FORMS } from '../../../shared/domain/plan.ts';
import { describeImportance, describeReport, showsProgress } from '../plan-display.ts';
import { anyNumber, command, type CommonOptions, refuse, type Session, wholeNumber, withSession } from '../session.ts';

/** What a person says about a plan on the command line. */
export interface PlanOptions extends CommonOptions {
  blocks?: number;
  at: string;
  old?: string[];
}

/** The options of a plan, for the commands that make one. */
export function withPlanOptions(planned: Command): Command {
  return planned
    .addOption(wholeNumber('--blocks <n>', "how many new blocks (default a quarter of the model's)", 1, MAX_INSERTED_BLOCKS))
    .option('--at <place>', PLACE_FORMS, 'even')
    .option('--old <datasets...>', 'for --at least-important: the data that it is measured on');
}

/** What a studio takes for a plan; where the place needs it, what the blocks matter is measured first. */
export async function planRequestOf(session: Session, model: string, options: PlanOptions): Promise<PlanRequest> {
  const { blocks, at: place, old: oldDatasets = [] } = options;
  if (parsePlace(place) === 'least-important') await measured(session, { model, oldDatasets });
  return { model, place, oldDatasets, ...(blocks === undefined ? {} : { blocks }) };
}
interface PlanRequest {
  model: string;
  place: string;
  oldDatasets: string[];
  blocks?: number;
}

/** What each block matters: as it is known, or measured now, with its progress shown. */
export async function measured(
  session: Session,
  request: { model: string; oldDatasets: string[]; context?: number; windows?: number; limitSeconds?: number },
): Promise<Importance> {
  const { planner } = session.studio;
  const isOwnAmount = request.context !== undefined || request.windows !== undefined || request.limitSeconds !== undefined;
  const known = isOwnAmount || request.oldDatasets.length === 0 ? null : planner.importance(request);
  if (known) return known;
  const { onProgress, end } = showsProgress(session);
  const engine = session.engine === undefined ? {} : { engine: session.engine };
  return planner.measure({ ...request, ...engine }, onProgress).finally(end);
}

/** `strata model plan | importance`. */
export function planCommands(): Command[] {
  return [
    withPlanOptions(
      command('plan', 'what an expansion would mean: new layers, parameters, memory, time and exported sizes').argument(
        '<model>',
        'id or name',
      ),
    ).action((reference: string, options: PlanOptions) =>
      withSession(options, async (session) => {
        const report = await session.studio.planner.plan(await planRequestOf(session, reference, options));
        session.print(report, () => describeReport(report));
      }),
    ),
    command('importance', 'how much each block matters for old data: the rise of the held-out loss without it')
      .argument('<model>', 'id or name')
      .requiredOption('--old <datasets...>', 'what the model must keep')
      .addOption(
        wholeNumber('--windows <n>', `held-out windows, of all datasets together (default ${IMPORTANCE_DEFAULTS.windows})`, 1, 100_000),
      )
      .addOption(wholeNumber('--context <n>', `tokens per window (default ${IMPORTANCE_DEFAULTS.context}, or the model's context)`, 2))
      .addOption(anyNumber('--limit <seconds>', `end after so long with what was measured (default ${IMPORTANCE_DEFAULTS.limitSeconds})`))
      .action((reference: string, options: CommonOptions & { old: string[]; windows?: number; context?: number; limit?: number }) =>
        withSession(options, async (session) => {
          const { old: oldDatasets, windows, context, limit } = options;
          if (limit !== undefined && limit <= 0)
            throw refuse(
              '--limit must be positive.',
              String(limit),
              'a number of seconds above 0',
              `Leave it out for ${IMPORTANCE_DEFAULTS.limitSeconds} seconds.`,
            );
          const importance = await measured(session, {
            model: reference,
            oldDatasets,
            ...(windows === undefined ? {} : { windows }),
            ...(context === undefined ? {} : { context }),
            ...(limit === undefined ? {} : { limitSeconds: limit }),
          });
          session.print(importance, () => describeImportance(importance));
        }),
      ),
  ];
}
