import type { Command } from 'commander';
import { table } from '../format.ts';
import { command, type CommonOptions, withSession } from '../session.ts';

/** `strata engine`: which tensor engines work here, and which one is used. */
export function engineCommand(): Command {
  return command('engine', 'tensor engines and the results of their self-tests').action((options: CommonOptions) =>
    withSession(options, async ({ studio, print }) => {
      const result = await studio.engines();
      const rows = result.engines.map(({ name, available, version, reason }) => [
        name === result.selected ? `${name} (used)` : name,
        available ? 'yes' : 'no',
        version ?? '-',
        reason,
      ]);
      print(result, () => table(['engine', 'works', 'version', 'reason'], rows));
      if (result.selected === null) process.exitCode = 1;
    }),
  );
}
