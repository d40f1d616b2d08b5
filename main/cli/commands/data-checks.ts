import type { Command } from 'commander';
import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import { recommendReplay } from '../../../shared/domain/distance.ts';
import { describeCheck, describeDistance, describeDropped, showsActivity } from '../comparison-display.ts';
import { command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';

/** `strata data check | drop | distance`. */
export function dataCheckCommands(): Command[] {
  return [
    command('check', 'what datasets have in common, and which texts to measure on stand in their training parts')
      .argument('<datasets...>', 'what a run would train on, new and old: ids or names')
      .option('--eval <sets...>', 'what is measured on besides the held-out parts: datasets or files')
      .option('--drop', 'make versions of the datasets without the documents that leak')
      .action((datasets: string[], options: CommonOptions & { eval?: string[]; drop?: boolean }) =>
        withSession(options, async (session) => {
          const { dataChecks } = session.studio;
          const { onProgress, end } = showsActivity(session);
          const report = await dataChecks.check({ datasets, evaluations: options.eval ?? [] }, onProgress).finally(end);
          if (!options.drop) return session.print(report, () => describeCheck(report));
          const dropped: DatasetInfo[] = [];
          for (const { dataset, documents } of report.drop) dropped.push(await dataChecks.drop({ dataset, documents }));
          session.print({ ...report, dropped }, () => [describeCheck(report), ...dropped.map(describeDropped)].join('\n'));
        }),
      ),
    command('drop', 'a version of a dataset without some of its documents; the dataset itself stays')
      .argument('<dataset>', 'id or name')
      .requiredOption('--documents <numbers>', 'places counted from 0, as "data check" lists them, such as 3,17,204')
      .addOption(nameOption())
      .action((dataset: string, options: CommonOptions & { documents: string; name?: string }) =>
        withSession(options, async ({ studio, print }) => {
          const documents = placesIn(options.documents);
          const made = await studio.dataChecks.drop({ dataset, documents, ...(options.name === undefined ? {} : { name: options.name }) });
          print(made, () => describeDropped(made));
        }),
      ),
    command('distance', 'how far new data are from old, before training, and the replay share that follows')
      .requiredOption('--new <datasets...>', 'what is to be learned')
      .requiredOption('--old <datasets...>', 'what is to be kept')
      .option('--model <model>', 'also the gap of its loss between both: a model or run, id or name')
      .addOption(wholeNumber('--seed <n>', 'chooses halves, and samples of large data', 0, 2 ** 31 - 1))
      .action((options: CommonOptions & { new: string[]; old: string[]; model?: string; seed?: number }) =>
        withSession(options, async (session) => {
          const { onProgress, end } = showsActivity(session);
          const report = await session.studio.dataChecks
            .distance(
              {
                newDatasets: options.new,
                oldDatasets: options.old,
                ...(options.model === undefined ? {} : { model: options.model }),
                ...(options.seed === undefined ? {} : { seed: options.seed }),
                ...(session.engine === undefined ? {} : { engine: session.engine }),
              },
              onProgress,
            )
            .finally(end);
          session.print({ ...report, recommendation: recommendReplay(report) }, () => describeDistance(report));
        }),
      ),
  ];
}

function placesIn(text: string): number[] {
  const places = text.split(',').map((each) => (/^\s*\d+\s*$/.test(each) ? Number(each) : NaN));
  if (places.every(Number.isSafeInteger)) return places;
  throw refuse(
    'That is not a list of documents.',
    text,
    'whole numbers from 0, with commas between, such as 3,17,204',
    'Documents are counted from 0, as the command that named them shows.',
  );
}
