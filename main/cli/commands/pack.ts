import { Command } from 'commander';
import { composeRequestSchema, gateRequestSchema } from '../../../shared/contract/packs.ts';
import { GATE_LIMITS } from '../../../shared/domain/gate.ts';
import { describeComposed, describeGate, describePacks, describeProof } from '../pack-display.ts';
import { showsProgress } from '../plan-display.ts';
import { command, type CommonOptions, nameOption, refuse, wholeNumber, withSession } from '../session.ts';

interface ComposeOptions extends CommonOptions {
  base?: string;
  name?: string;
}

interface GateOptions extends CommonOptions {
  pack?: number;
  tokens?: string[];
  new?: string[];
  old?: string[];
  documents?: number;
}

/** `strata pack`: the inserted blocks of models as domain packs. */
export function packCommand(): Command {
  return new Command('pack')
    .description('inserted blocks as domain packs: leave them out, stack them, take one out, decide per text')
    .addCommand(
      command('list', 'the packs of a model')
        .argument('<model>', 'model or run: id or name')
        .action((model: string, options: CommonOptions) =>
          withSession(options, async ({ studio, print }) => {
            const packs = await studio.packs.list({ model });
            print(packs, () => describePacks(packs));
          }),
        ),
    )
    .addCommand(
      command('prove', 'that a model without its packs is its base, to the last bit')
        .argument('<model>', 'model or run: id or name')
        .action((model: string, options: CommonOptions) =>
          withSession(options, async ({ studio, engine, print }) => {
            const proof = await studio.packs.prove({ model, ...(engine === undefined ? {} : { engine }) });
            print(proof, () => describeProof(proof));
            if (!proof.isProved) process.exitCode = 1;
          }),
        ),
    )
    .addCommand(
      command('compose', 'a new model of a base and packs: MODEL for all of its packs, MODEL:PACK for one, MODEL:PACK=0.5 for a weaker one')
        .argument('<packs...>', 'packs, in the order in which they stand where they share a place')
        .option('--base <model>', 'what they are put on (default what is left of the first model without its packs)')
        .addOption(nameOption())
        .action((packs: string[], options: ComposeOptions) =>
          withSession(options, async ({ studio, print }) => {
            const chosen = [];
            for (const text of packs) chosen.push(...(await packsNamed(studio.packs, text)));
            const { base, name } = options;
            const request = { packs: chosen, ...(base === undefined ? {} : { base }), ...(name === undefined ? {} : { name }) };
            const composed = await studio.packs.compose(composeRequestSchema.parse(request));
            print(composed, () => describeComposed(composed));
          }),
        ),
    )
    .addCommand(
      command('gate', 'how well the first tokens of a text decide whether a pack is used')
        .argument('<model>', 'model or run: id or name')
        .addOption(wholeNumber('--pack <n>', 'of the model (default the last)', 1))
        .option('--tokens <n...>', 'how many first tokens decide (default 8 16 32)')
        .option('--new <datasets...>', 'texts that should go through the pack (default what it learned)')
        .option('--old <datasets...>', 'texts that should not (default what was to be kept)')
        .addOption(wholeNumber('--documents <n>', 'at most so many held-out documents of each (default 200)', 2, GATE_LIMITS.documents))
        .action((model: string, options: GateOptions) =>
          withSession(options, async (session) => {
            const { pack, tokens, documents, new: newDatasets, old: oldDatasets } = options;
            if (tokens && tokens.length > MOST_GATES) {
              throw refuse(
                'So many gates are not evaluated at once.',
                `${tokens.length} values of --tokens`,
                `1 to ${MOST_GATES}`,
                'Name fewer.',
              );
            }
            const request = gateRequestSchema.parse({
              model,
              ...(pack === undefined ? {} : { pack }),
              ...(tokens === undefined ? {} : { tokens: tokens.map(gateTokens) }),
              ...(documents === undefined ? {} : { documents }),
              ...(newDatasets === undefined ? {} : { newDatasets }),
              ...(oldDatasets === undefined ? {} : { oldDatasets }),
              ...(session.engine === undefined ? {} : { engine: session.engine }),
            });
            const { onProgress, end } = showsProgress(session);
            const evaluation = await session.studio.gates.evaluate(request, onProgress).finally(end);
            session.print(evaluation, () => describeGate(evaluation));
          }),
        ),
    );
}

/** As the contract allows. */
const MOST_GATES = 16;

interface NamedPack {
  model: string;
  pack: number;
  strength?: number;
}

/** `MODEL`, `MODEL:PACK` or `MODEL:PACK=STRENGTH`. A name may hold colons: what is no number behind the last one is part of it. */
async function packsNamed(
  packs: { list(input: { model: string }): Promise<{ packs: { number: number }[] }> },
  text: string,
): Promise<NamedPack[]> {
  const [, model, pack, strength] = /^(.+):(\d{1,6})(?:=(.+))?$/.exec(text) ?? [];
  if (model === undefined) {
    const { packs: all } = await packs.list({ model: text });
    if (all.length > 0) return all.map(({ number }) => ({ model: text, pack: number }));
    throw refuse(
      `"${text}" has no packs.`,
      'a model without inserted blocks',
      'a model made by expansion',
      'strata pack list shows packs.',
    );
  }
  if (strength === undefined) return [{ model, pack: Number(pack) }];
  if (strength.trim() !== '' && Number.isFinite(Number(strength))) return [{ model, pack: Number(pack), strength: Number(strength) }];
  throw refuse('That is not a strength.', text, 'a number above 0, up to 1, such as MODEL:1=0.5', 'Leave it out for 1.');
}

function gateTokens(text: string): number {
  const tokens = Number(text);
  if (Number.isSafeInteger(tokens) && tokens >= 1 && tokens <= GATE_LIMITS.tokens) return tokens;
  throw refuse(
    'That is not a possible value of --tokens.',
    text,
    `whole numbers from 1 to ${GATE_LIMITS.tokens}`,
    'Leave it out for 8, 16 and 32.',
  );
}
