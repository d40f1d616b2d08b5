import { Command } from 'commander';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { change, fields, loss, percent, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { changedRequest, CHANGES } from '../clone-request.ts';
import { command, type CommonOptions, nameOption, refuse, withSession } from '../session.ts';
import { describeResult, followQueued, followRun } from '../train-display.ts';

/** `strata run list | show | watch | pause | resume | stop | clone | rerun | compare | note | delete`. */
export function runCommand(): Command {
  const run = new Command('run').description('the history of runs');
  run.addCommand(
    command('list', 'all runs, newest first').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const runs = studio.runs.list();
        const rows = runs.map((each) => [
          each.id,
          each.name,
          each.status,
          change(each.gain),
          change(each.forgetting),
          percent(each.replayShare),
          each.createdAt.slice(0, 16).replace('T', ' '),
        ]);
        print(runs, () =>
          runs.length === 0
            ? `No runs yet. Try: ${STRATA} train, or ${STRATA} demo`
            : table(['id', 'name', 'status', 'gain', 'forgetting', 'replay', 'started'], rows),
        );
      }),
    ),
  );
  const onRun = (
    name: string,
    description: string,
    act: (studioRuns: Parameters<Parameters<typeof withSession>[1]>[0]['studio']['runs'], id: string) => RunSummary | Promise<RunSummary>,
  ): void => {
    run.addCommand(
      command(name, description)
        .argument('<run>', 'id or name')
        .action((reference: string, options: CommonOptions) =>
          withSession(options, async ({ studio, print }) => {
            const result = await act(studio.runs, reference);
            print(result, () => (result.note === '' ? describeResult(result) : `${describeResult(result)}\nNote: ${result.note}`));
          }),
        ),
    );
  };
  onRun('show', 'one run, with its figures', (runs, id) => runs.show(id));
  onRun('pause', 'save a checkpoint and end its process; resume goes on', (runs, id) => runs.pause({ run: id }));
  onRun('stop', 'end it early: measure and save what was learned so far', (runs, id) => runs.stop({ run: id }));
  run.addCommand(
    command('watch', 'follow a run to its end')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async (session) => {
          const result = await followRun(session, session.studio.runs.find(reference).id);
          session.print(result, () => describeResult(result));
        }),
      ),
  );
  run.addCommand(
    command('resume', 'go on from the last checkpoint, when its turn comes')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async (session) => {
          const resumed = await session.studio.runs.resume({ run: reference });
          const result = await followQueued(session, resumed);
          session.print(result, () => describeResult(result));
        }),
      ),
  );
  run.addCommand(
    command('clone', 'start a run with the settings of another one, and changes')
      .argument('<run>', 'id or name')
      .option('--set <changes...>', `key=value: ${CHANGES.join(', ')}, or a setting of "${STRATA} train --help"`)
      .addOption(nameOption())
      .option('--queue', 'only put it into the queue')
      .action((reference: string, options: CommonOptions & { set?: string[]; name?: string; queue?: boolean }) =>
        withSession(options, async (session) => {
          const { copies, runs } = session.studio;
          const request = changedRequest(copies.request({ run: reference }), options);
          if (options.queue) {
            const [waiting] = await runs.enqueue([request]);
            return session.print(waiting, () => `${waiting!.name} (${waiting!.id}) waits in the queue.`);
          }
          const result = await followQueued(session, await runs.start(request));
          session.print(result, () => describeResult(result));
        }),
      ),
  );
  run.addCommand(
    command('rerun', 'train a run that is done once more, exactly, and say whether the weights are identical')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async (session) => {
          const { copies } = session.studio;
          const result = await followQueued(session, await copies.rerun({ run: reference }));
          const verdict = copies.verdict({ run: result.id });
          const words = { true: 'identical', false: 'different', null: 'not compared' }[String(verdict.isIdentical) as 'true'];
          session.print({ ...result, verdict }, () => `${describeResult(result)}\nWeights: ${words}. ${verdict.reason}`);
        }),
      ),
  );
  run.addCommand(
    command('compare', 'what differs between runs: settings and results')
      .argument('<runs...>', 'ids or names, two or more')
      .action((references: string[], options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          if (references.length < 2)
            throw refuse(
              'One run alone cannot be compared.',
              references.join(', '),
              'two runs or more',
              `Name another run: "${STRATA} run list" shows them.`,
            );
          const result = studio.runs.compare({ runs: references });
          const rows = Object.entries(result.differences).map(([key, values]) => [key, ...values.map(cell)]);
          print(result, () => table(['', ...result.runs.map(({ id }) => id)], rows));
        }),
      ),
  );
  run.addCommand(
    command('note', 'write a note on a run')
      .argument('<run>', 'id or name')
      .argument('<text>')
      .action((reference: string, text: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const noted = studio.runs.note({ run: reference, note: text });
          print(noted, () =>
            fields([
              ['Run', noted.name],
              ['Note', noted.note],
            ]),
          );
        }),
      ),
  );
  run.addCommand(
    command('delete', 'remove a run and its checkpoints; the model it made stays')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.runs.remove({ run: reference });
          print(removed, () => `Deleted ${removed.removed}.`);
        }),
      ),
  );
  return run;
}

function cell(value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : loss(value);
  return typeof value === 'string' ? value : JSON.stringify(value).slice(0, 40);
}
