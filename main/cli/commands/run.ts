import { Command } from 'commander';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { describeMovement } from '../movement-display.ts';
import { STRATA } from '../report.ts';
import { changedRequest, CHANGES } from '../clone-request.ts';
import { describeSamples } from '../samples-display.ts';
import { command, type CommonOptions, nameOption, withSession } from '../session.ts';
import { describeResult, followQueued, followRun } from '../train-display.ts';
import { compareCommand } from './run-compare.ts';
import { exportCommand, reportCommand } from './run-export.ts';
import { listCommand } from './run-list.ts';
import { binCommands, markCommands } from './run-marks.ts';

/** `strata run list | show | watch | samples | pause | resume | stop | clone | rerun | movement`, and what is done with finished runs: compare, export, mark, delete. */
export function runCommand(): Command {
  const run = new Command('run').description('the history of runs');
  run.addCommand(listCommand());
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
    command('samples', 'text that its base and its model wrote, step by step')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const samples = studio.runs.samples({ run: reference });
          print(samples, () => describeSamples(samples));
          return Promise.resolve();
        }),
      ),
  );
  run.addCommand(
    command('movement', 'how far it moved its model from its base: weights by block, hidden states by layer')
      .argument('<run>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, engine, print }) => {
          const movement = await studio.runs.movement({ run: reference, ...(engine === undefined ? {} : { engine }) });
          print(movement, () => describeMovement(movement));
        }),
      ),
  );
  for (const add of [compareCommand(), exportCommand(), reportCommand(), ...markCommands(), ...binCommands()]) run.addCommand(add);
  return run;
}
