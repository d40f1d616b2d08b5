import { type Command, Option } from 'commander';
import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { DatasetImport, ImportedFile, ImportRequest } from '../../../shared/contract/dataset-import.ts';
import type { CleaningSettings } from '../../../shared/domain/cleaning.ts';
import type { Mapping } from '../../../shared/domain/shape.ts';
import { cleaningHelp, parseCleaning } from '../cleaning-option.ts';
import { describeDataset, describeInspection } from '../dataset-display.ts';
import { count, fields, percent } from '../format.ts';
import { describeProgress, followImport } from '../import-progress.ts';
import { MAPPING_FORMS, mappingsFor, parseMapping } from '../mapping-option.ts';
import { STRATA } from '../report.ts';
import { command, type CommonOptions, nameOption, refuse, type Session, wholeNumber, withSession } from '../session.ts';

/** Lines of an import's file list that are shown; --json has more. */
const SHOWN_FILES = 20;

interface ImportOptions extends CommonOptions {
  name?: string;
  origin?: string;
  licence?: string;
  seed?: number;
  map?: Mapping[];
  clean?: string[];
}

/** What `strata data import` says with --json. */
export interface ImportOutcome {
  datasets: DatasetInfo[];
  files: ImportedFile[];
  /** False where a later version was asked for and nothing had changed. */
  isNew: boolean;
}

/** `strata data inspect | import | update | imports | resume | discard`. */
export function dataImportCommands(): Command[] {
  return [
    command('inspect', 'what an import of files, folders and archives would read, and how')
      .argument('<paths...>')
      .addOption(mapOption())
      .action((paths: string[], options: CommonOptions & { map?: Mapping[] }) =>
        withSession(options, async ({ studio, print }) => {
          const seen = await studio.datasets.inspect({ paths });
          const mappings = mappingsFor(options.map ?? [], seen.shapes);
          const inspection = mappings.length === 0 ? seen : await studio.datasets.inspect({ paths, mappings });
          print(inspection, () => describeInspection(inspection));
        }),
      ),
    importOptions(command('import', 'make one dataset of files, folders and archives: texts, documents, source code and tables'))
      .argument('<paths...>')
      .action((paths: string[], options: ImportOptions) =>
        withSession(options, async (session) => {
          const request = { paths, ...(await requestOf(session, options, paths)) };
          printOutcome(session, await followImport(session, () => session.studio.imports.start(request)));
        }),
      ),
    importOptions(
      command('update', 'a later version of a dataset, from its sources as they are now; where they say the same, none is made'),
    )
      .argument('<dataset>', 'id or name')
      .argument('[paths...]', 'other files and folders than those it was made of')
      .action((dataset: string, paths: string[], options: ImportOptions) =>
        withSession(options, async (session) => {
          const { imports } = session.studio;
          if (options.map && paths.length === 0)
            throw refuse(
              '--map needs the paths of the files.',
              '--map without paths',
              'both, or neither',
              'Name the files, or leave --map out: then rows are read as before.',
            );
          const request: ImportRequest = {
            newVersionOf: dataset,
            ...(paths.length === 0 ? {} : { paths }),
            ...(await requestOf(
              session,
              options,
              paths,
              options.clean && (await session.studio.datasets.show({ dataset })).cleaning?.settings,
            )),
          };
          printOutcome(session, await followImport(session, () => imports.start(request)));
        }),
      ),
    command('imports', 'imports that go on, and those that were stopped or have failed and can go on').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const imports = await studio.imports.list();
        print(imports, () => (imports.length === 0 ? 'No imports.' : imports.map(describeImport).join('\n\n')));
      }),
    ),
    command('resume', 'go on with an import that was stopped or has failed')
      .argument('<import>', `id, as "${STRATA} data imports" shows it`)
      .action((id: string, options: CommonOptions) =>
        withSession(options, async (session) =>
          printOutcome(session, await followImport(session, () => session.studio.imports.resume({ import: id }))),
        ),
      ),
    command('discard', 'delete what an import that was stopped or has failed has read')
      .argument('<import>', 'id')
      .action((id: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.imports.remove({ import: id });
          print(removed, () => `Deleted what ${removed.removed} had read.`);
        }),
      ),
  ];
}

function importOptions(importing: Command): Command {
  const list = (entries: readonly (readonly [string, string])[]): string =>
    fields(entries.map(([form, meaning]) => [`  ${form}`, meaning] as const));
  return importing
    .addOption(nameOption())
    .option('--origin <text>', 'where the data is published, such as an address')
    .option('--licence <text>', 'its licence, "" for none; when absent, that of a LICENSE file among the sources')
    .addOption(wholeNumber('--seed <n>', 'draws another held-out part', 0, 2 ** 31 - 1))
    .addOption(mapOption())
    .option('--clean <settings...>', 'key=value, see below')
    .addHelpText('after', () => `\nMappings:\n${list(MAPPING_FORMS)}\n\nCleaning:\n${list(cleaningHelp())}`);
}

function mapOption(): Option {
  return new Option('--map <mapping>', 'how rows are read, for all that have its columns; may be given several times').argParser(
    (text: string, before: Mapping[] | undefined) => [...(before ?? []), parseMapping(text)],
  );
}

/** @param cleaning what --clean changes; the default when absent. */
async function requestOf(
  session: Session,
  options: ImportOptions,
  paths: readonly string[],
  cleaning?: CleaningSettings,
): Promise<ImportRequest> {
  const { name, origin, licence, seed, map, clean } = options;
  const mappings = map && mappingsFor(map, (await session.studio.datasets.inspect({ paths: [...paths] })).shapes);
  return {
    ...(name === undefined ? {} : { name }),
    ...(origin === undefined ? {} : { origin }),
    ...(licence === undefined ? {} : { licence }),
    ...(seed === undefined ? {} : { seed }),
    ...(mappings ? { mappings } : {}),
    ...(clean ? { cleaning: parseCleaning(clean, cleaning) } : {}),
  };
}

function printOutcome({ studio, print, say }: Session, { dataset, isNew, results }: DatasetImport): void {
  const { path: _, ...info } = studio.datasets.find(dataset!);
  for (const file of results.filter(({ status }) => status !== 'imported').slice(0, SHOWN_FILES))
    say(`${file.status}: ${file.path}: ${file.reason}`);
  const outcome: ImportOutcome = { datasets: [info], files: results, isNew };
  print(outcome, () => [...(isNew ? [] : ['The sources say the same as before: no version was made.']), describeDataset(info)].join('\n'));
}

function describeImport(shown: DatasetImport): string {
  const { id, name, source, state, canResume, fraction, documents, error } = shown;
  return fields([
    ['Import', `${name} (${id})`],
    ['From', source],
    ['State', state === 'running' ? describeProgress(shown) : state],
    ...(fraction === null ? [] : ([['Done', `${percent(Math.floor(100 * fraction) / 100)}, ${count(documents)} documents`]] as const)),
    ...(error ? ([['Error', [error.message, error.found].filter(Boolean).join(' ')]] as const) : []),
    ...(canResume ? ([['Go on', `${STRATA} data resume ${id}`]] as const) : []),
  ]);
}
