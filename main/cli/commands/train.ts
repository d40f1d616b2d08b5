import type { Command } from 'commander';
import { needsImportance } from '../../../shared/domain/method.ts';
import { RESOURCES } from '../resources.ts';
import { carriedOver, type ContinueOptions } from '../continue-run.ts';
import { count } from '../format.ts';
import { STRATA } from '../report.ts';
import { command, withSession, wholeNumber } from '../session.ts';
import { listPresets } from '../../studio/presets.ts';
import { describePlan, describeResult, followQueued } from '../train-display.ts';
import { moreHelp, requestOf, type TrainOptions, trainOptions } from '../train-options.ts';
import { measured } from './model-plan.ts';

/** `strata train`: everything from the plan to the report. */
export function trainCommand(): Command {
  return trainOptions(
    command('train', 'insert new blocks (or choose what else to train) and train on new data, with a share of the old replayed'),
    { canContinue: true },
  )
    .option('--continue <run>', 'learn the next domain: from what this run made, with its data on the old side and its settings')
    .addOption(wholeNumber('--keep-sample <n>', 'with --continue: replay a sample of about so many tokens of each dataset just learned', 1))
    .option('--queue', 'only put the run into the queue, which the studio or "queue run" works through')
    .addOption(wholeNumber('--priority <n>', 'while it waits: runs of a higher one go first (default 0)', -100, 100))
    .option('--dry-run', 'only show what the run would do, need and cost')
    .addHelpText('after', moreHelp(listPresets(RESOURCES)))
    .action((options: TrainOptions & ContinueOptions & { queue?: boolean; priority?: number; dryRun?: boolean }, called: Command) =>
      withSession(options, async (session) => {
        const { models, runs, queue } = session.studio;
        const carried = await carriedOver(session, options);
        const isTyped = ['completions', 'learn'].some((name) => called.getOptionValueSource(name) === 'cli');
        const request = requestOf(session, { ...options, ...(isTyped ? {} : carried?.rendering) }, carried);
        const { model, oldDatasets, rendering } = request;
        if (needsImportance(request)) await measured(session, { model, oldDatasets, ...(rendering ? { rendering } : {}) });
        const preview = await runs.preview(request, () =>
          session.say('No replay share was given: measuring how far the new data are from the old.'),
        );
        if (options.dryRun) {
          await models.checkPlan(models.find(model)); // what the run itself would be refused for
          return session.print(preview, () => describePlan(preview));
        }
        const priority = options.priority ?? 0;
        if (options.queue) {
          const [waiting] = await runs.enqueue([request], { priority });
          const place = queue.list().findIndex(({ id }) => id === waiting!.id) + 1;
          return session.print(
            waiting,
            () =>
              `${describePlan(preview)}\n\n${waiting!.name} (${waiting!.id}) waits in the queue, place ${count(place)}. Work through it with: ${STRATA} queue run`,
          );
        }
        const started = await runs.start(request, () => session.say(describePlan(preview)), { priority });
        const run = await followQueued(session, started);
        session.print(run, () => `\n${describeResult(run)}`);
      }),
    );
}
