import { type Command, Option } from 'commander';
import { EXPORT_DTYPES, EXPORT_FORMATS, parseExportDtype, parseExportFormat, parseSize } from '../../../shared/domain/export-format.ts';
import { bytes, percent } from '../format.ts';
import { command, type CommonOptions, withSession } from '../session.ts';

interface ExportOptions extends CommonOptions {
  out: string;
  format: string;
  dtype?: string;
  shardSize?: string;
  base?: string;
}

/** `strata model export`. */
export function exportCommand(): Command {
  return command('export', 'write a model for other programs, or its inserted blocks for another workspace')
    .argument('<model>', 'id or name')
    .requiredOption('--out <path>', 'a folder that does not exist yet; for gguf any folder, or the file; a pack is one file if this ends in .strata-pack')
    .option('--format <format>', EXPORT_FORMATS.join(', '), 'huggingface')
    .addOption(new Option('--dtype <type>', `${EXPORT_DTYPES.join(', ').toLowerCase()}`).default(undefined, 'as stored'))
    .addOption(
      new Option('--shard-size <size>', 'largest weight file of a Hugging Face folder, such as 500MB').default(undefined, 'one file'),
    )
    .addOption(new Option('--base <model>', 'the model that a pack is to be put on').default(undefined, 'the last expansion’s base'))
    .action((reference: string, options: ExportOptions) =>
      withSession(options, async ({ studio, print }) => {
        const format = parseExportFormat(options.format);
        const request = {
          model: reference,
          format,
          destination: options.out,
          ...(options.dtype !== undefined && { dtype: parseExportDtype(options.dtype, format) }),
          ...(options.shardSize !== undefined && { shardBytes: parseSize(options.shardSize) }),
          ...(options.base !== undefined && { base: options.base }),
        };
        const progress = new ProgressLine();
        const exported = await studio.exports.write(request, { onProgress: (done, total) => progress.show(done, total) });
        progress.clear();
        for (const note of exported.notes ?? []) process.stderr.write(`Note: ${note}\n`);
        print(exported, () => `${exported.path}: ${bytes(exported.bytes)}, ${exported.dtype}, opened again and compared.`);
      }),
    );
}

const BETWEEN_LINES_MS = 200;

/** How far an export is, on one line that is written over; only where a person looks. */
class ProgressLine {
  #shown = 0;

  show(done: number, total: number): void {
    if (!process.stderr.isTTY || performance.now() - this.#shown < BETWEEN_LINES_MS) return;
    this.#shown = performance.now();
    process.stderr.write(`\r${percent(Math.floor((100 * done) / total) / 100)} of ${bytes(total)} written and compared \u001b[K`);
  }

  clear(): void {
    if (this.#shown > 0) process.stderr.write('\r\u001b[K');
  }
}
