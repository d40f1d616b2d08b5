import { Command } from 'commander';
import type { DatasetInfo } from '../../../shared/contract/contract.ts';
import { bytes, count, fields, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, nameOption, withSession } from '../session.ts';

/** Lines of an import's file list that are shown; --json has all of them. */
const SHOWN_FILES = 20;
const PREVIEWED_DOCUMENTS = 2;

/** `strata data import | list | show | delete`. */
export function dataCommand(): Command {
  const data = new Command('data').description('import, look at and delete datasets');
  data.addCommand(
    command('import', 'make one dataset of files and folders: text, Markdown, JSON, JSON Lines, also gzip')
      .argument('<paths...>')
      .addOption(nameOption())
      .action((paths: string[], options: CommonOptions & { name?: string }) =>
        withSession(options, async ({ studio, print, say }) => {
          const result = await studio.datasets.import({ paths, ...(options.name === undefined ? {} : { name: options.name }) });
          for (const file of result.files.filter(({ status }) => status !== 'imported').slice(0, SHOWN_FILES))
            say(`${file.status}: ${file.path}: ${file.reason}`);
          print(result, () => result.datasets.map(describe).join('\n'));
        }),
      ),
  );
  data.addCommand(
    command('list', 'all datasets').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const datasets = studio.datasets.list();
        print(datasets, () =>
          datasets.length === 0
            ? `No datasets yet. Try: ${STRATA} data import PATH...`
            : table(
                ['id', 'name', 'documents', 'held out', 'text'],
                datasets.map((each) => [each.id, each.name, count(each.documents), count(each.heldOutDocuments), bytes(each.bytes)]),
              ),
        );
      }),
    ),
  );
  data.addCommand(
    command('show', 'one dataset and its first documents')
      .argument('<dataset>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const shown = await studio.datasets.show({ dataset: reference, documents: PREVIEWED_DOCUMENTS });
          const documents = shown.preview.map(
            ({ text, heldOut, bytes: size }) => `--- ${heldOut ? 'held out' : 'training'}, ${bytes(size)}\n${text.slice(0, 400).trim()}`,
          );
          print(shown, () => [describe(shown), ...documents].join('\n'));
        }),
      ),
  );
  data.addCommand(
    command('delete', 'remove a dataset from the workspace, with its files')
      .argument('<dataset>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.datasets.remove({ dataset: reference });
          print(removed, () => `Deleted ${removed.removed}.`);
        }),
      ),
  );
  return data;
}

function describe(dataset: DatasetInfo): string {
  return fields([
    ['Dataset', `${dataset.name} (${dataset.id})`],
    ['Documents', `${count(dataset.documents)}, ${count(dataset.heldOutDocuments)} of them held out`],
    ['Text', bytes(dataset.bytes)],
    ['From', dataset.source],
  ]);
}
