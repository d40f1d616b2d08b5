import type { Command } from 'commander';
import type { RunSummary } from '../../../shared/domain/run.ts';
import type { Studio } from '../../studio/studio.ts';
import { fields } from '../format.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, refuse, withSession } from '../session.ts';

/** `strata run note | tag | favourite | archive | unarchive`. */
export function markCommands(): Command[] {
  return [
    command('note', 'write a note on a run')
      .argument('<run>', 'id or name')
      .argument('<text>')
      .action((run: string, text: string, options: CommonOptions) =>
        change(
          options,
          ({ history }) => [history.note({ run, note: text })],
          ({ note }) => ['Note', note],
        ),
      ),
    command('tag', 'put tags on a run in place of those it had; none takes them away')
      .argument('<run>', 'id or name')
      .argument('[tags...]')
      .action((run: string, tags: string[], options: CommonOptions) =>
        change(
          options,
          ({ history }) => [history.tag({ run, tags: tags.map(checkedTag) })],
          (tagged) => ['Tags', tagged.tags.join(', ') || 'none'],
        ),
      ),
    command('favourite', 'mark a run as a favourite')
      .argument('<run>', 'id or name')
      .option('--off', 'take the mark away')
      .action((run: string, { off, ...options }: CommonOptions & { off?: boolean }) =>
        change(
          options,
          ({ history }) => [history.favourite({ run, favourite: !off })],
          ({ favourite }) => ['Favourite', favourite ? 'yes' : 'no'],
        ),
      ),
    archiveCommand('archive', 'put runs away: lists leave them out', true),
    archiveCommand('unarchive', 'take runs out of the archive', false),
  ];
}

function archiveCommand(name: string, description: string, archived: boolean): Command {
  return command(name, description)
    .argument('<runs...>', 'ids or names')
    .action((runs: string[], options: CommonOptions) =>
      change(
        options,
        ({ history }) => history.archive({ runs, archived }),
        ({ archivedAt }) => ['Archived', archivedAt ?? 'no'],
      ),
    );
}

/** `strata run delete | restore | purge`: into the bin, out of it, and away for good. */
export function binCommands(): Command[] {
  return [
    command('delete', 'put a run into the bin; "run restore" brings it back')
      .argument('<run>', 'id or name')
      .action((run: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = studio.history.remove({ run });
          print(removed, () => `Put ${removed.removed} into the bin. "${STRATA} run restore ${removed.removed}" brings it back.`);
        }),
      ),
    command('restore', 'take a run out of the bin')
      .argument('<run>', 'id or name')
      .action((run: string, options: CommonOptions) =>
        change(
          options,
          ({ history }) => [history.restore({ run })],
          ({ id }) => ['Id', id],
        ),
      ),
    command('purge', 'delete a run of the bin for good, with its measurements and checkpoints; the model it made stays')
      .argument('[run]', 'id or name')
      .option('--all', 'everything in the bin')
      .action((run: string | undefined, { all, ...options }: CommonOptions & { all?: boolean }) =>
        withSession(options, async ({ studio, print }) => {
          if ((run === undefined) === !all) {
            throw refuse(
              'What is to be deleted for good is not clear.',
              run ?? 'no run',
              'a run, or --all',
              `"${STRATA} run list --deleted" shows the bin.`,
            );
          }
          const { removed } = await studio.history.purge({ run });
          print({ removed }, () => (removed.length === 0 ? 'The bin is empty.' : `Deleted ${removed.join(', ')} for good.`));
        }),
      ),
  ];
}

/** Changes runs and says what they then are. One run is one JSON document, several are a list. */
function change(
  options: CommonOptions,
  act: (studio: Studio) => RunSummary[],
  what: (run: RunSummary) => readonly [string, string],
): Promise<void> {
  return withSession(options, async ({ studio, print }) => {
    const runs = act(studio);
    print(runs.length === 1 ? runs[0] : runs, () => runs.map((run) => fields([['Run', run.name], what(run)])).join('\n'));
  });
}

const MAX_TAG_LENGTH = 60;

function checkedTag(text: string): string {
  const tag = text.trim();
  if (tag !== '' && tag.length <= MAX_TAG_LENGTH) return tag;
  throw refuse(
    'That is not a possible tag.',
    JSON.stringify(text),
    `1 to ${MAX_TAG_LENGTH} characters, not only spaces`,
    'Correct it, or leave it out.',
  );
}
