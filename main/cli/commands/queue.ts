import { Command } from 'commander';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { change, count, percent, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, refuse, withSession, wholeNumber } from '../session.ts';

/** `strata queue list | run | move`: runs that wait until nothing trains. */
export function queueCommand(): Command {
  const queue = new Command('queue').description('runs that wait until the device is free');
  queue.addCommand(
    command('list', 'what waits, the next run first').action((options: CommonOptions) =>
      withSession(options, ({ studio, print }) => {
        const waiting = studio.queue.list();
        print(waiting, () => describeQueue(waiting));
        return Promise.resolve();
      }),
    ),
  );
  queue.addCommand(
    command('run', 'train what waits, one run after the other, and end when nothing waits any more').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print, say, interruptible }) => {
        const ids = await interruptible((signal) =>
          studio.queue.drain(signal, ({ name, id, steps }) => say(`training ${name} (${id}), ${count(steps)} steps`)),
        );
        await studio.runs.close(); // after Ctrl-C, the run that trains saves its checkpoint
        const runs = ids.map((id) => studio.runs.show(id));
        print(runs, () => (runs.length === 0 ? 'Nothing waits that could be trained here.' : describeOutcomes(runs)));
      }),
    ),
  );
  queue.addCommand(
    command('move', 'change the order: before another run, to the end, or by priority')
      .argument('<run>', 'id or name')
      .option('--before <run>', 'id or name of a run that waits')
      .option('--last', 'behind all others')
      .addOption(wholeNumber('--priority <n>', 'runs of a higher one go first', -100, 100))
      .action((run: string, options: CommonOptions & { before?: string; last?: boolean; priority?: number }) =>
        withSession(options, ({ studio, print }) => {
          const { before, last, priority } = options;
          if ([before, last, priority].filter((each) => each !== undefined).length !== 1) {
            throw refuse(
              'Say where the run goes.',
              run,
              'one of --before RUN, --last and --priority N',
              `"${STRATA} queue list" shows the order.`,
            );
          }
          const waiting =
            priority === undefined ? studio.queue.move({ run, before: before ?? null }) : studio.queue.setPriority({ run, priority });
          print(waiting, () => describeQueue(waiting));
          return Promise.resolve();
        }),
      ),
  );
  return queue;
}

function describeQueue(waiting: readonly RunSummary[]): string {
  if (waiting.length === 0) return `Nothing waits. "${STRATA} train ... --queue" adds a run.`;
  const rows = waiting.map(({ id, name, priority, method, steps, replayShare }, index) => [
    count(index + 1),
    id,
    name,
    String(priority),
    method,
    count(steps),
    percent(replayShare),
  ]);
  return table(['place', 'id', 'name', 'priority', 'method', 'steps', 'replay'], rows);
}

function describeOutcomes(runs: readonly RunSummary[]): string {
  const rows = runs.map(({ id, name, status, gain, forgetting, error, stopReason }) => [
    id,
    name,
    status,
    change(gain),
    change(forgetting),
    error?.message ?? stopReason ?? '',
  ]);
  return table(['id', 'name', 'status', 'gain', 'forgetting', ''], rows);
}
