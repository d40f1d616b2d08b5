import { formatOf, isData, READABLE } from '../readers/formats.ts';
import { archiveOf } from './archive-kind.ts';
import { nameUnpacked } from './unpacked-file.ts';

/** What of a chosen folder or archive is no text to learn from. */

/** Files that describe the data beside them; in a folder of Markdown they are data themselves. */
const ABOUT_DATA = /^(readme|license|licence|changelog|notice)\b/i;

/** Folders that hold other people's or generated files, whatever lies around them. */
const ALWAYS_VENDORED = new Set(['node_modules', 'bower_components', '__pycache__', 'site-packages', 'venv', 'virtualenv']);

/** Names that mean the same in a source tree, and anything elsewhere. */
const VENDORED_IN_SOURCE = new Set([
  'vendor',
  'vendored',
  'third_party',
  'dist',
  'build',
  'target',
  'out',
  'bin',
  'obj',
  'coverage',
  'pods',
]);

/** A folder with one of these is the root of a source tree. */
const SOURCE_ROOT = new Set(
  (
    '.git .gitignore .hg .svn package.json pyproject.toml setup.py requirements.txt Cargo.toml go.mod pom.xml build.gradle build.gradle.kts ' +
    'CMakeLists.txt Makefile composer.json Gemfile mix.exs deno.json pubspec.yaml Package.swift build.sbt stack.yaml meson.build'
  ).split(' '),
);

/** Written by programs: versions of packages, and code squeezed onto one line. */
const GENERATED =
  /(^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|composer\.lock|cargo\.lock|poetry\.lock|uv\.lock|pipfile\.lock|gemfile\.lock|go\.sum|flake\.lock)|\.min\.(js|mjs|css)|\.bundle\.js|\.map|_pb2\.pyi?|\.pb\.go)$/i;

/** Settings of a project that look like data. */
const SETTINGS = /^((package|composer|bower|lerna|turbo|nx|angular|deno|manifest|[jt]sconfig)(\.[\w-]+)*\.json|requirements[\w-]*\.txt)$/i;

/** Files of a model's folder that look like data: its settings, its vocabulary and the lists of what is in its weights. */
const OF_A_MODEL =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|preprocessor_config|adapter_config|chat_template|expansion)\.json$|^(merges|vocab)\.txt$|\.(safetensors|bin)\.index\.json$/i;

/** Whether a folder with these names in it is the root of a source tree. */
export function isSourceRoot(names: Iterable<string>): boolean {
  for (const name of names) if (SOURCE_ROOT.has(name)) return true;
  return false;
}

/** Whether a file of these names is data beside which a README only describes it. */
export function hasDataIn(names: Iterable<string>): boolean {
  for (const name of names) {
    const unpacked = nameUnpacked(name);
    const format = formatOf(unpacked);
    if (!name.startsWith('.') && !ABOUT_DATA.test(name) && (archiveOf(unpacked) !== null || (format !== null && isData(format))))
      return true;
  }
  return false;
}

/** Why a folder is left out with all that is in it; null for one to go through. */
export function reasonForFolder(name: string, isInSource: boolean): string | null {
  const lower = name.toLowerCase();
  if (ALWAYS_VENDORED.has(lower) || (isInSource && VENDORED_IN_SOURCE.has(lower)))
    return 'It holds packages of others or generated files. Choose the folder itself to import it.';
  return null;
}

/** Why a file is left out; null for one to read. */
export function reasonForFile(name: string, { hasData, isInSource }: { hasData: boolean; isInSource: boolean }): string | null {
  const unpacked = nameUnpacked(name);
  if (OF_A_MODEL.test(unpacked)) return 'It belongs to a model. Choose the file itself to import it.';
  if (GENERATED.test(name)) return 'A program wrote it from other files. Choose the file itself to import it.';
  if (formatOf(unpacked) === null && archiveOf(unpacked) === null) return `Not a format Strata reads (${READABLE}).`;
  if (isInSource && SETTINGS.test(name)) return 'It holds settings of the project. Choose the file itself to import it.';
  return hasData && ABOUT_DATA.test(name) ? 'It describes the data beside it. Choose the file itself to import it.' : null;
}
