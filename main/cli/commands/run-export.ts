import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { RUN_EXPORT_FORMATS } from '../../../shared/contract/comparison.ts';
import { bytes } from '../format.ts';
import { command, type CommonOptions, withSession } from '../session.ts';

interface ExportOptions extends CommonOptions {
  format: (typeof RUN_EXPORT_FORMATS)[number];
  out: string;
  baseline?: string;
}

/** `strata run export RUN... --format F --out FILE`. */
export function exportCommand(): Command {
  return command('export', 'write runs into a file: a table of runs or of points, everything as JSON, or a report')
    .argument('<runs...>', 'ids or names')
    .addOption(new Option('--format <format>', 'what the file holds').choices(RUN_EXPORT_FORMATS).default('runs.csv'))
    .requiredOption('--out <file>', 'the file to write; one that is there is replaced')
    .option('--baseline <run>', 'in a report: which run the others are compared with')
    .action(write);
}

/** `strata run report RUN... --out FILE.html`: the report alone. */
export function reportCommand(): Command {
  return command('report', 'one HTML file about a run or a comparison, with charts, to send to somebody')
    .argument('<runs...>', 'ids or names; several make a comparison')
    .requiredOption('--out <file>', 'the file to write; one that is there is replaced')
    .option('--baseline <run>', 'which run the others are compared with')
    .action((runs: string[], options: Omit<ExportOptions, 'format'>) => write(runs, { ...options, format: 'report.html' }));
}

function write(runs: string[], { format, out, baseline, ...options }: ExportOptions): Promise<void> {
  return withSession(options, async ({ studio, print }) => {
    const written = await studio.runExport.writeTo({ runs, format, baseline: baseline ?? null }, resolve(out));
    print(written, () => `Wrote ${written.path}, ${bytes(written.bytes)}.`);
  });
}
