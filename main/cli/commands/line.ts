import { Command, Option } from 'commander';
import { LINE_UNITS, type LineUnit } from '../../../shared/contract/lines.ts';
import { describeLine } from '../line-display.ts';
import { showsProgress } from '../plan-display.ts';
import { STRATA } from '../report.ts';
import { table } from '../format.ts';
import { command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';

type LineOptions = CommonOptions & { unit: LineUnit };

const unitOption = (): Option => new Option('--unit <unit>', 'nats per token, or bits per byte').choices(LINE_UNITS).default('nats');

/** `strata line list | show | measure | joint`. */
export function lineCommand(): Command {
  const line = new Command('line').description('what models learned step after step, and what they kept of it');
  line.addCommand(
    command('list', 'lines, by the models that they end in').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const lines = studio.lines.list();
        const rows = lines.map(({ model, base, tasks }) => [
          model.id,
          model.name,
          base,
          tasks.map((names) => names.join(' + ')).join(', then '),
        ]);
        print(lines, () =>
          rows.length === 0
            ? `No line yet: it begins with a run. Go on from one with: ${STRATA} train --continue RUN --new DATASET`
            : table(['model', 'name', 'from', 'learned'], rows),
        );
      }),
    ),
  );
  line.addCommand(
    command('show', 'every score of a line, and the figures that follow')
      .argument('<model>', 'model or run: id or name')
      .addOption(unitOption())
      .action((model: string, options: LineOptions) =>
        withSession(options, async ({ studio, print }) => {
          const shown = studio.lines.show({ model, unit: options.unit });
          print(shown, () => describeLine(shown));
        }),
      ),
  );
  line.addCommand(
    command('measure', 'measure what is missing of a line and can be measured; Ctrl-C keeps what was')
      .argument('<model>', 'model or run: id or name')
      .addOption(unitOption())
      .action((model: string, options: LineOptions) =>
        withSession(options, async (session) => {
          const { studio, engine, print, interruptible } = session;
          const { onProgress, end } = showsProgress(session);
          const request = { model, unit: options.unit, ...(engine === undefined ? {} : { engine }) };
          const measured = await interruptible((signal) => studio.lines.measure(request, onProgress, signal)).finally(end);
          print(measured, () => describeLine(measured));
        }),
      ),
  );
  line.addCommand(
    command('joint', 'name the model that learned the tasks of a line together, for its intransigence')
      .argument('<model>', 'model or run: id or name')
      .argument('[joint]', 'model or run that learned the data of all tasks at once')
      .addOption(wholeNumber('--task <n>', 'up to this task (default the last)', 1))
      .option('--none', 'take it back')
      .action((model: string, joint: string | undefined, options: CommonOptions & { task?: number; none?: boolean }) =>
        withSession(options, async ({ studio, print }) => {
          if ((joint === undefined) === (options.none === undefined)) {
            const found = joint === undefined ? 'neither a model nor --none' : 'a model and --none';
            throw refuse(
              'One model is named, or taken back.',
              found,
              'a model, or --none',
              'Name the run that trained on all tasks at once.',
            );
          }
          const shown = studio.lines.setJoint({ model, task: options.task, joint: joint ?? null });
          print(shown, () => describeLine(shown));
        }),
      ),
  );
  return line;
}
