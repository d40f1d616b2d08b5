import type { Command } from 'commander';
import type { Studio } from '../../studio/studio.ts';
import { bytes, count, fields, percent } from '../format.ts';
import { describeMeasures, withError } from '../measure-display.ts';
import { anyNumber, command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';

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

/** `strata generate`: a continuation of a prompt. */
export function generateCommand(): Command {
  return command('generate', 'continue a prompt with a model')
    .argument('<model>', 'model or run: id or name')
    .requiredOption('--prompt <text>')
    .addOption(wholeNumber('--max-tokens <n>', 'at most so many new tokens', 1).default(64))
    .addOption(anyNumber('--temperature <x>', '0 takes the most likely token').default(0))
    .addOption(wholeNumber('--seed <n>', 'for a temperature above 0', 0).default(0))
    .option('--bypass', "leave the inserted blocks out: the base's own answer")
    .action(
      (
        reference: string,
        options: CommonOptions & { prompt: string; maxTokens: number; temperature: number; seed: number; bypass?: boolean },
      ) =>
        withSession(options, async ({ studio, engine, print }) => {
          const { prompt, maxTokens, temperature, seed, bypass = false } = options;
          if (temperature < 0)
            throw refuse(
              'A temperature cannot be negative.',
              String(temperature),
              '0 (the most likely token) or more',
              'Leave it out, or choose 0 for the most likely token each time.',
            );
          const result = await studio.text.generate({
            model: reference,
            prompt,
            maxTokens,
            temperature,
            seed,
            bypass,
            ...(engine === undefined ? {} : { engine }),
          });
          print(result, () => prompt + result.text);
        }),
    );
}
