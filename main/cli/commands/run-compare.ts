import type { Command } from 'commander';
import { describeComparison } from '../run-display.ts';
import { STRATA } from '../report.ts';
import { anyNumber, command, type CommonOptions, refuse, withSession } from '../session.ts';

interface CompareOptions extends CommonOptions {
  baseline?: string;
  gain?: number;
}

/** `strata run compare RUN RUN...`. */
export function compareCommand(): Command {
  return command('compare', 'gain against forgetting, forgetting at equal gain, who is better, and what differs')
    .argument('<runs...>', 'ids or names, two or more')
    .option('--baseline <run>', 'which of them the others are compared with')
    .addOption(anyNumber('--gain <nats>', 'the gain at which forgetting is compared; the largest that all reached when left out'))
    .action((references: string[], { baseline, gain, ...options }: CompareOptions) =>
      withSession(options, async ({ studio, print }) => {
        if (references.length < 2) {
          throw refuse(
            'One run alone cannot be compared.',
            references.join(', '),
            'two runs or more',
            `Name another run: "${STRATA} run list" shows them.`,
          );
        }
        if (gain !== undefined && gain <= 0) {
          throw refuse(
            'Forgetting is compared at a gain.',
            String(gain),
            'more than 0',
            'Leave --gain out to take the largest that all reached.',
          );
        }
        const request = { runs: references, baseline: baseline ?? null, ...(gain === undefined ? {} : { gain }) };
        const comparison = await studio.comparison.compare(request);
        print(comparison, () => describeComparison(comparison));
      }),
    );
}
