import type { Command } from 'commander';
import { bytes, count, fields } from '../format.ts';
import { anyNumber, command, type CommonOptions, refuse, wholeNumber, withSession } from '../session.ts';

/** `strata eval`: loss of a model on text files. */
export function evalCommand(): Command {
  return command('eval', 'loss, perplexity and bits per byte of a model on text files')
    .argument('<model>', 'model or run: id or name')
    .requiredOption('--text <files...>', 'UTF-8 text, also gzip')
    .addOption(wholeNumber('--context <n>', "tokens per window (default the model's context)", 2))
    .action((reference: string, options: CommonOptions & { text: string[]; context?: number }) =>
      withSession(options, async ({ studio, engine, print }) => {
        const result = await studio.text.evaluate({
          model: reference,
          files: options.text,
          ...(options.context === undefined ? {} : { context: options.context }),
          ...(engine === undefined ? {} : { engine }),
        });
        print(result, () =>
          fields([
            ['Text', `${bytes(result.bytes)}, ${count(result.tokens)} scored tokens`],
            ['Loss', `${result.lossPerToken.toFixed(4)} nats/token`],
            ['Perplexity', result.perplexity.toFixed(3)],
            ['Bits per byte', result.bitsPerByte.toFixed(4)],
          ]),
        );
      }),
    );
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
