import { type Command, Option } from 'commander';
import { RUN_SORTS, runQuerySchema } from '../../../shared/contract/comparison.ts';
import { METHODS } from '../../../shared/domain/method.ts';
import { RUN_STATUSES } from '../../../shared/domain/run.ts';
import { describeRuns } from '../run-display.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, withSession } from '../session.ts';

interface ListOptions extends CommonOptions {
  text?: string;
  tag: string[];
  status?: (typeof RUN_STATUSES)[number];
  method?: (typeof METHODS)[number];
  favourite?: boolean;
  sort: (typeof RUN_SORTS)[number];
  ascending?: boolean;
  archived?: boolean;
  deleted?: boolean;
}

/** `strata run list`: all of the history, or what is looked for in it. */
export function listCommand(): Command {
  return command('list', 'runs, newest first; those that were put away or deleted are left out')
    .option('--text <words>', 'that have these words in name, note, tags, model or datasets')
    .option('--tag <tag>', 'that have this tag; again for a second one', (tag: string, before: string[]) => [...before, tag], [])
    .addOption(new Option('--status <status>', 'in this state').choices(RUN_STATUSES))
    .addOption(new Option('--method <method>', 'trained in this way').choices(METHODS))
    .option('--favourite', 'favourites only')
    .addOption(new Option('--sort <by>', 'order, the largest or latest first').choices(RUN_SORTS).default('created'))
    .option('--ascending', 'the other way round')
    .addOption(new Option('--archived', 'those that were put away').conflicts('deleted'))
    .option('--deleted', 'those in the bin')
    .action((options: ListOptions) =>
      withSession(options, async ({ studio, print }) => {
        const query = runQuerySchema.parse({
          text: options.text,
          tags: options.tag,
          status: options.status && [options.status],
          method: options.method && [options.method],
          favourite: options.favourite,
          shelf: options.deleted ? 'deleted' : options.archived ? 'archived' : 'active',
          sort: options.sort,
          ascending: options.ascending,
        });
        const runs = studio.history.all(query);
        const isSearch = options.text !== undefined || options.tag.length > 0 || query.shelf !== 'active' || options.status !== undefined;
        const nothing = isSearch ? 'No run is like that.' : `No runs yet. Try: ${STRATA} train, or ${STRATA} demo`;
        print(runs, () => (runs.length === 0 ? nothing : describeRuns(runs)));
      }),
    );
}
