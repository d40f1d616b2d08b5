import { Command } from 'commander';
import type { ModelInfo } from '../../../shared/contract/contract.ts';
import { bytes, fields, shortCount, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { describeCatalogue, describeDownloads, type ImportOptions, importFrom } from '../model-import.ts';
import { command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';

/** `strata model import | catalogue | downloads | list | show | expand | verify | export | delete`. */
export function modelCommand(): Command {
  const model = new Command('model').description('import, look at, expand, verify, export and delete models');
  model.addCommand(
    command('import', 'bring a model into the workspace: from this computer, from a hub, or from the catalogue')
      .argument('<path>', 'a Hugging Face folder, a checkpoint file, hub:ORG/NAME[@REVISION], or catalogue:ID')
      .addOption(nameOption())
      .option('--file <name>', 'from a hub that holds several models: the GGUF file')
      .option('--token <token>', 'from a hub: of an account with access; better in HF_TOKEN, which other users cannot see')
      .option('--endpoint <address>', "from a hub: its address, instead of HF_ENDPOINT's or the public one")
      .option('--offline', 'from a hub: use only what is on this machine (as HF_HUB_OFFLINE=1 does)')
      .option('--keep', 'keep what was downloaded after it was imported')
      .action((path: string, options: ImportOptions) =>
        withSession(options, async (session) => {
          const imported = await importFrom(session, path, options);
          session.print(imported, () => describe(imported));
        }),
      ),
  );
  model.addCommand(
    command('catalogue', 'models that Strata knows how to get').action((options: CommonOptions) =>
      withSession(options, ({ studio, print }) => {
        const entries = studio.downloads.catalogue();
        print(entries, () => describeCatalogue(entries));
        return Promise.resolve();
      }),
    ),
  );
  model.addCommand(
    command('downloads', 'downloads that were stopped and can go on')
      .option('--delete <id>', 'delete what has arrived of one')
      .action((options: CommonOptions & { delete?: string }) =>
        withSession(options, async ({ studio, print }) => {
          if (options.delete !== undefined) {
            const removed = await studio.downloads.remove({ download: options.delete });
            return print(removed, () => `Deleted ${removed.removed}.`);
          }
          const downloads = await studio.downloads.list();
          print(downloads, () => describeDownloads(downloads));
        }),
      ),
  );
  model.addCommand(
    command('list', 'all models').action((options: CommonOptions) =>
      withSession(options, async ({ studio, print }) => {
        const models = studio.models.list();
        print(models, () =>
          models.length === 0
            ? `No models yet. Try: ${STRATA} model import PATH, or ${STRATA} demo`
            : table(
                ['id', 'name', 'parameters', 'blocks', 'from'],
                models.map((each) => [each.id, each.name, shortCount(each.parameters), String(each.blocks), each.source]),
              ),
        );
      }),
    ),
  );
  model.addCommand(
    command('show', 'one model')
      .argument('<model>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const found = studio.models.show(reference);
          print(found, () => describe(found));
        }),
      ),
  );
  model.addCommand(
    command('expand', 'a copy with identity blocks inserted')
      .argument('<model>', 'id or name')
      .addOption(wholeNumber('--blocks <n>', 'how many', 1).makeOptionMandatory())
      .option('--at <place>', 'even, top, bottom, or positions such as 3,7,7,11', 'even')
      .addOption(nameOption())
      .action((reference: string, options: CommonOptions & { blocks: number; at: string; name?: string }) =>
        withSession(options, async ({ studio, print }) => {
          const { blocks, at: place, name } = options;
          const expanded = await studio.models.expand({ model: reference, blocks, place, ...(name === undefined ? {} : { name }) });
          print(expanded, () => describe(expanded));
        }),
      ),
  );
  model.addCommand(
    command('verify', 'compare an expanded model with its base: tensors byte by byte, logits to the last bit')
      .argument('<model>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, engine, print }) => {
          const result = await studio.models.verify({ model: reference, ...(engine === undefined ? {} : { engine }) });
          print(result, () =>
            fields([
              [
                'Identity',
                result.identity
                  ? 'yes: it computes exactly what its base computes'
                  : 'no: its inserted blocks have been trained, or there is no base',
              ],
              [
                'Logits',
                result.maxLogitDifference === null ? 'not compared' : `largest difference from the base: ${result.maxLogitDifference}`,
              ],
              ['Plan', result.plan.length === 0 ? 'none' : `new blocks after ${result.plan.join(', ')}`],
              ['Problems', result.problems.length === 0 ? 'none' : result.problems.join(' ')],
            ]),
          );
          if (result.problems.length > 0) process.exitCode = 1;
        }),
      ),
  );
  model.addCommand(
    command('export', 'write a model for other programs')
      .argument('<model>', 'id or name')
      .requiredOption('--out <dir>', 'a folder that does not exist yet')
      .option('--format <format>', 'huggingface', 'huggingface')
      .action((reference: string, options: CommonOptions & { out: string; format: string }) =>
        withSession(options, async ({ studio, print }) => {
          if (options.format !== 'huggingface') throw refuse('That is not a format Strata writes.', options.format, 'huggingface');
          const exported = await studio.models.export({ model: reference, format: 'huggingface', directory: options.out });
          print(exported, () => `${exported.path}: ${bytes(exported.bytes)}, ${exported.dtype}, opened again and compared.`);
        }),
      ),
  );
  model.addCommand(
    command('delete', 'remove a model from the workspace, with its files')
      .argument('<model>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, print }) => {
          const removed = await studio.models.remove({ model: reference });
          print(removed, () => `Deleted ${removed.removed}.`);
        }),
      ),
  );
  return model;
}

function describe(model: ModelInfo): string {
  const lines: [string, string][] = [
    ['Model', `${model.name} (${model.id})`],
    ['Architecture', `${model.architecture}, ${model.blocks} blocks, ${shortCount(model.parameters)} parameters`],
    ['Vocabulary', `${model.vocabularySize} tokens, context ${model.contextLength}`],
    ['From', model.source],
    ['Folder', `${model.path} (${bytes(model.bytes)})`],
  ];
  if (model.plan) lines.push(['Inserted', `blocks ${model.plan.inserted.map(({ position }) => position).join(', ')}`]);
  return fields(lines);
}
