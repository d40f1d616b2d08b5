import type { VerifiedModel } from '../../../shared/contract/models.ts';
import { Command } from 'commander';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import { describeMethod } from '../../../shared/domain/method-words.ts';
import { describeComposition } from '../../../shared/domain/pack.ts';
import { bytes, change, fields, shortCount, table } from '../format.ts';
import { STRATA } from '../report.ts';
import { describeCatalogue, describeDownloads, type ImportOptions, importFrom } from '../model-import.ts';
import { command, type CommonOptions, nameOption, withSession } from '../session.ts';
import { exportCommand } from './model-export.ts';
import { describeBin, itemBinCommands } from './item-bin.ts';
import { planCommands, type PlanOptions, planRequestOf, withPlanOptions } from './model-plan.ts';

/** `strata model import | catalogue | downloads | list | show | expand | plan | importance | verify | export | delete | restore | purge`. */
export function modelCommand(): Command {
  const model = new Command('model').description('import, look at, plan, expand, verify, export and delete models');
  model.addCommand(
    command('import', 'bring a model into the workspace: from this computer, from a hub, or from the catalogue')
      .argument(
        '<path>',
        'a Hugging Face folder, a GGUF or llama2.c file, a pack (folder or .strata-pack file), hub:ORG/NAME[@REVISION], or catalogue:ID',
      )
      .addOption(nameOption())
      .option('--base <model>', 'for a pack of inserted blocks: the model to put it on, if not the one that it names')
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
    command('list', 'all models; those that were deleted are left out')
      .option('--deleted', 'those in the bin')
      .action(({ deleted, ...options }: CommonOptions & { deleted?: boolean }) =>
        withSession(options, async ({ studio, print }) => {
          if (deleted) {
            const binned = studio.models.bin.list();
            return print(binned, () => describeBin(binned));
          }
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
    withPlanOptions(command('expand', 'a copy with identity blocks inserted').argument('<model>', 'id or name'))
      .addOption(nameOption())
      .action((reference: string, options: PlanOptions & { name?: string }) =>
        withSession(options, async (session) => {
          const { name } = options;
          const request = await planRequestOf(session, reference, options);
          const expanded = await session.studio.planner.expand({ ...request, ...(name === undefined ? {} : { name }) });
          session.print(expanded, () => describe(expanded));
        }),
      ),
  );
  for (const each of planCommands()) model.addCommand(each);
  model.addCommand(
    command('verify', 'compare an expanded model with its base: tensors byte by byte, logits to the last bit')
      .argument('<model>', 'id or name')
      .action((reference: string, options: CommonOptions) =>
        withSession(options, async ({ studio, engine, print }) => {
          const result = await studio.models.verify({ model: reference, ...(engine === undefined ? {} : { engine }) });
          print(result, () =>
            fields([
              ['Identity', describeIdentity(result)],
              [
                'Logits',
                result.maxLogitDifference === null ? 'not compared' : `largest difference from the base: ${result.maxLogitDifference}`,
              ],
              ['Tensors', describeTensors(result.tensors)],
              ['Plan', result.plan.length === 0 ? 'none' : `new blocks after ${result.plan.join(', ')}`],
              ['Problems', result.problems.length === 0 ? 'none' : result.problems.join(' ')],
            ]),
          );
          if (result.problems.length > 0) process.exitCode = 1;
        }),
      ),
  );
  model.addCommand(exportCommand());
  for (const each of itemBinCommands({
    word: 'model',
    command: 'model',
    bin: ({ models }) => models.bin,
    remove: ({ models }, reference) => models.remove({ model: reference }),
    restore: ({ models }, reference) => models.restore({ model: reference }),
  })) {
    model.addCommand(each);
  }
  return model;
}

/** Whether the model computes what its base computes, as far as that can be said. */
function describeIdentity({ identity, maxLogitDifference, problems }: VerifiedModel): string {
  if (maxLogitDifference === null) return 'not known: there is no base to compare with';
  if (identity)
    return problems.length === 0 ? 'yes: it computes exactly what its base computes' : 'yes, by its logits; but see the problems';
  return problems.length === 0 ? 'no: its inserted blocks have been trained' : 'no: see the problems';
}

function describe(model: ModelInfo): string {
  const lines: [string, string][] = [
    ['Model', `${model.name} (${model.id})`],
    ['Architecture', `${model.architecture}, ${model.blocks} blocks, ${shortCount(model.parameters)} parameters`],
    ['Vocabulary', `${model.vocabularySize} tokens, context ${model.contextLength}`],
    ['From', model.source],
    ['Folder', `${model.path} (${bytes(model.bytes)})`],
  ];
  for (const [index, step] of model.line.entries()) {
    const own = model.owners.flatMap((owner, block) => (owner === index ? [block] : []));
    const inserted = own.length > 0 ? `; its blocks are ${own.join(', ')} now` : '';
    lines.push([index === 0 ? 'Line' : '', `${index + 1}. from ${step.base.name}: ${describeStep(step)}${inserted}`]);
  }
  return fields(lines);
}

/** What a step of a model's line did, and what it brought. */
function describeStep(step: ModelInfo['line'][number]): string {
  const { method, training } = step;
  const done = describeMethod(method);
  const composed = describeComposition(step);
  if (composed) return `${done}, ${composed}`;
  if (!training) return `${done}, not trained`;
  const learned = training.datasets.filter(({ role }) => role === 'new').map(({ name }) => name);
  const forgetting = training.forgetting === null ? '' : `, forgetting ${change(training.forgetting)}`;
  return `${done}, learned ${learned.join(', ')}: gain ${change(training.gain)}${forgetting}`;
}

function describeTensors({ compared, different }: VerifiedModel['tensors']): string {
  if (compared === 0) return 'not compared';
  return different.length === 0
    ? `${compared} compared, all of them as the plan says`
    : `${different.length} of ${compared} are not as the plan says`;
}
