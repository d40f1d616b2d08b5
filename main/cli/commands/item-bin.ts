import type { Command } from 'commander';
import type { BinItem } from '../../../shared/contract/bin.ts';
import type { ItemBin } from '../../studio/item-bin.ts';
import type { Studio } from '../../studio/studio.ts';
import { bytes, fields, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, refuse, withSession } from '../session.ts';

/** Datasets or models, as far as their bin goes. */
export interface BinnedItems {
  /** `dataset`: the argument's name. */
  word: 'dataset' | 'model';
  command: 'data' | 'model';
  bin: (studio: Studio) => ItemBin;
  remove: (studio: Studio, reference: string) => { removed: string };
  restore: (studio: Studio, reference: string) => { id: string; name: string };
}

/** `strata data | model delete, restore, purge`: into the bin, out of it, and away for good. */
export function itemBinCommands(items: BinnedItems): Command[] {
  const { word } = items;
  const own = `${STRATA} ${items.command}`;
  return [
    command('delete', `put a ${word} into the bin; "${items.command} restore" brings it back`)
      .argument(`<${word}>`, 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, ({ studio, print }) => {
          const removed = items.remove(studio, reference);
          print(removed, () => `Put ${removed.removed} into the bin. "${own} restore ${removed.removed}" brings it back.`);
          return Promise.resolve();
        }),
      ),
    command('restore', `take a ${word} out of the bin`)
      .argument(`<${word}>`, 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, ({ studio, print }) => {
          const restored = items.restore(studio, reference);
          print(restored, () =>
            fields([
              ['Id', restored.id],
              ['Name', restored.name],
            ]),
          );
          return Promise.resolve();
        }),
      ),
    command('purge', `delete a ${word} of the bin for good, with its files`)
      .argument(`[${word}]`, 'id or name')
      .option('--all', 'everything in the bin that no unfinished run needs')
      .action((reference: string | undefined, { all, ...options }: CommonOptions & { all?: boolean }) =>
        withSession(options, async ({ studio, print }) => {
          if ((reference === undefined) === !all) {
            throw refuse(
              'What is to be deleted for good is not clear.',
              reference ?? `no ${word}`,
              `a ${word}, or --all`,
              `"${own} list --deleted" shows the bin.`,
            );
          }
          const result = await items.bin(studio).purge(reference);
          print(result, () => describePurge(result));
        }),
      ),
  ];
}

function describePurge({ removed, kept }: { removed: string[]; kept: string[] }): string {
  if (removed.length + kept.length === 0) return 'The bin is empty.';
  return [
    ...(removed.length > 0 ? [`Deleted ${removed.join(', ')} for good.`] : []),
    ...(kept.length > 0 ? [`Kept ${kept.join(', ')}: a run that is not finished needs it.`] : []),
  ].join('\n');
}

/** What lies in a bin, for a person. */
export function describeBin(items: readonly BinItem[]): string {
  if (items.length === 0) return 'The bin is empty.';
  return table(
    ['id', 'name', 'size', 'deleted'],
    items.map(({ id, name, bytes: size, deletedAt }) => [id, name, bytes(size), deletedAt]),
  );
}
