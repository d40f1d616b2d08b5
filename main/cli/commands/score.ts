import type { Command } from 'commander';
import { duration, fields } from '../format.ts';
import { type PartFlags, partOf, withPartOptions } from '../part-options.ts';
import { command, type CommonOptions, refuse, withSession } from '../session.ts';
import { describeFigures, showsScoring } from '../suite-display.ts';

/** `strata score`: how many questions a model answers rightly. */
export function scoreCommand(): Command {
  return withPartOptions(
    command('score', 'how many questions a model answers rightly: with choices, by log-likelihood; in words, by what it writes').argument(
      '<model>',
      'model or run: id or name',
    ),
  )
    .option('--choices <file>', 'questions with choices, JSON Lines, also gzip')
    .option('--answers <file>', 'questions to be answered in words, JSON Lines, also gzip')
    .option('--items', 'also print every item with --json')
    .action((reference: string, options: CommonOptions & PartFlags & { choices?: string; answers?: string; items?: boolean }) =>
      withSession(options, async (session) => {
        const part = partOf(options.choices === undefined ? 'exact-match' : 'choices', { file: onlyOne(options) }, options);
        const { onProgress, end } = showsScoring(session);
        const engine = session.engine === undefined ? {} : { engine: session.engine };
        const { model, result, ...how } = await session.studio.suites.score({ model: reference, part, ...engine }, onProgress).finally(end);
        session.print({ model, ...result.figures, ...how, ...(options.items ? { items: result.items } : {}) }, () =>
          [describeFigures(result), fields([['Time', `${duration(how.seconds)} with ${how.engine}`]])].join('\n'),
        );
      }),
    );
}

function onlyOne({ choices, answers }: { choices?: string; answers?: string }): string {
  const given = [choices, answers].filter((each) => each !== undefined);
  if (given.length === 1) return given[0]!;
  throw refuse(
    'Which questions?',
    given.length === 0 ? 'neither --choices nor --answers' : '--choices and --answers',
    'one of --choices FILE and --answers FILE',
    'Several files at once are what a suite is for: strata suite save.',
  );
}
