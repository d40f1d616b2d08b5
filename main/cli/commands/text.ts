import type { Command } from 'commander';
import type { Studio } from '../../studio/studio.ts';
import { EXPLAINED_BLOCKS, type GateDecision, voiceSchema } from '../../../shared/contract/text.ts';
import { describeExplanation } from '../comparison-text.ts';
import { bytes, count, fields, loss, percent } from '../format.ts';
import { describeMeasures, withError } from '../measure-display.ts';
import { anyNumber, command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';
import { type VoiceOptions, voiceOf, voiceOptions } from '../strength-option.ts';

/** `strata eval`: loss of a model on text files and datasets. */
export function evalCommand(): Command {
  return command('eval', 'loss, perplexity and bits per byte of a model on text files and on held-out parts of datasets')
    .argument('<model>', 'model or run: id or name')
    .option('--text <files...>', 'UTF-8 text, also gzip')
    .option('--dataset <datasets...>', 'id or name: its held-out part')
    .option('--reference <model>', 'model or run to compare with, position by position; its base, for instance')
    .addOption(wholeNumber('--context <n>', "tokens per window (default the model's context)", 2))
    .action((reference: string, options: CommonOptions & EvalOptions) =>
      withSession(options, async ({ studio, engine, print }) => {
        const result = await studio.text.evaluate({
          model: reference,
          files: options.text ?? [],
          datasets: options.dataset ?? [],
          reference: options.reference,
          context: options.context,
          ...(engine === undefined ? {} : { engine }),
        });
        print(result, () => describeEvaluation(result));
      }),
    );
}

interface EvalOptions {
  text?: string[];
  dataset?: string[];
  reference?: string;
  context?: number;
}

function describeEvaluation(result: Awaited<ReturnType<Studio['text']['evaluate']>>): string {
  const { agreement, drift, shift, datasets } = result;
  const lines: [string, string][] = [
    ['Text', `${bytes(result.bytes)}, ${count(result.tokens)} scored tokens`],
    ['Loss', `${withError(result.lossPerToken.toFixed(4), result.lossError, 4)} nats/token`],
    ['Perplexity', result.perplexity.toFixed(3)],
    ['Bits per byte', result.bitsPerByte.toFixed(4)],
  ];
  if (agreement && drift && shift) {
    lines.push(
      ['Agreement', `${percent(agreement.value)} of the most likely tokens are the reference's`],
      ['Drift', `${withError(drift.value.toFixed(4), drift.error, 4)} nats/token, KL(reference || model)`],
      ['Token shift', `${percent(shift.unshifted)} first, ${percent(shift.marginal)} second or third, ${percent(shift.shifted)} later`],
    );
  }
  return fields(lines) + (datasets.length > 0 ? `\n\n${describeMeasures([], datasets)}` : '');
}

interface GenerateOptions extends CommonOptions, VoiceOptions {
  prompt: string;
  maxTokens: number;
  temperature: number;
  seed: number;
  compare?: string;
}

/** `strata generate`: a continuation of a prompt, or two side by side. */
export function generateCommand(): Command {
  const made = command('generate', 'continue a prompt with a model')
    .argument('<model>', 'model or run: id or name')
    .requiredOption('--prompt <text>')
    .addOption(wholeNumber('--max-tokens <n>', 'at most so many new tokens', 1).default(64))
    .addOption(anyNumber('--temperature <x>', '0 takes the most likely token').default(0))
    .addOption(wholeNumber('--seed <n>', 'for a temperature above 0', 0).default(0))
    .option('--compare <model>', 'also ask this model or run, and compare what both think of each token of the first answer');
  for (const option of voiceOptions()) made.addOption(option);
  return made.action((reference: string, options: GenerateOptions) =>
    withSession(options, async (session) => {
      const { studio, engine, print } = session;
      const { prompt, maxTokens, temperature, seed, compare } = options;
      if (temperature < 0)
        throw refuse(
          'A temperature cannot be negative.',
          String(temperature),
          '0 (the most likely token) or more',
          'Leave it out, or choose 0 for the most likely token each time.',
        );
      const how = { prompt, maxTokens, temperature, seed, ...(engine === undefined ? {} : { engine }) };
      const voice = voiceSchema.parse(voiceOf(studio, reference, options));
      const result = await studio.text.generate({ ...voice, ...how });
      if (compare === undefined) {
        print(result, () => prompt + result.text + (result.gate ? `\n\n${describeDecision(result.gate)}` : ''));
        return;
      }
      const other = voiceSchema.parse({ model: compare });
      const answered = await studio.text.generate({ ...other, ...how });
      const explanation = await studio.text.explain({
        ...{ prompt, continuation: result.tokenIds, voices: [other, voice], alternatives: 1, blocks: EXPLAINED_BLOCKS },
        ...(engine === undefined ? {} : { engine }),
      });
      print({ ...result, compared: answered, explanation }, () =>
        [
          ...[`${reference}:`, prompt + result.text, '', `${compare}:`, prompt + answered.text, ''],
          describeExplanation(explanation, [compare, reference]),
        ].join('\n'),
      );
    }),
  );
}

function describeDecision({ usesPack, tokens, lossWith, lossWithout }: GateDecision): string {
  const which = usesPack ? 'The pack is used' : 'The pack is left out';
  if (lossWith === null || lossWithout === null) return `${which}: the prompt has no token to decide by.`;
  return `${which}: on ${count(tokens)} tokens of the prompt the loss is ${loss(lossWith)} with it and ${loss(lossWithout)} without.`;
}
