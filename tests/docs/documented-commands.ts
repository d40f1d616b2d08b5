import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** A command as a document shows it. */
export interface DocumentedCommand {
  /** README.md:12 */
  place: string;
  /** Without a comment and without npm's way of calling `strata`. */
  text: string;
  /** In a block, where it can be copied from, or within a sentence. */
  isBlock: boolean;
}

/** Every document that a reader may take a command from, with what it says. */
export async function documents(): Promise<{ path: string; text: string }[]> {
  const guides = await readdir(join(ROOT, 'docs'), { recursive: true });
  const paths = [
    ...['README.md', 'CONTRIBUTING.md', 'resources/base/README.md', 'scripts/base/README.md'].map((path) => join(ROOT, path)),
    ...guides.filter((path) => path.endsWith('.md')).map((path) => join(ROOT, 'docs', path)),
  ];
  return Promise.all(paths.sort().map(async (path) => ({ path: relative(ROOT, path), text: await readFile(path, 'utf8') })));
}

/** The commands of a document: all lines of its `sh` blocks, and the code within sentences that begins with `strata` or `npm`. */
export function commandsOf({ path, text }: { path: string; text: string }): DocumentedCommand[] {
  const commands: DocumentedCommand[] = [];
  let fence: { ticks: string; language: string } | null = null;
  let begun = '';
  for (const [at, line] of text.split('\n').entries()) {
    const place = `${path}:${at + 1}`;
    const [, ticks, language] = /^(`{3,})(\w*)/.exec(line) ?? [];
    if (ticks && (fence === null || ticks === fence.ticks)) {
      fence = fence === null ? { ticks, language: language! } : null;
      continue;
    }
    if (fence?.language === 'sh') {
      begun += line.replace(/(^| )#.*/, '').trim();
      if (begun.endsWith('\\')) begun = begun.slice(0, -1);
      else {
        if (begun !== '') commands.push({ place, text: plain(begun), isBlock: true });
        begun = '';
      }
    } else if (fence === null) {
      for (const [, code] of line.matchAll(/`((?:strata|npm) [^`]+)`/g)) {
        commands.push({ place, text: plain(code!.replaceAll('\\|', '|')), isBlock: false });
      }
    } else if (/^(strata|npm) /.test(line)) throw new Error(`${place} is a command in a block that is not marked as sh: ${line}`);
  }
  return commands;
}

function plain(text: string): string {
  return text.replace(/npm run -s strata --(?= |$)/, 'strata').replaceAll(/ {2,}/g, ' ');
}

/** A command line as a shell would hand it on; brackets and dots of a synopsis are taken as given. */
export function wordsOf(command: string): string[] {
  const words = command.replaceAll('[...]', '').match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
  return words
    .map((word) => (/["']/.test(word) ? word.replaceAll(/["']/g, '') : word.replaceAll(/[[\]]|\.\.\.$|\.\.\.(?=\])/g, '')))
    .filter((word) => word !== '' && word !== '|');
}
