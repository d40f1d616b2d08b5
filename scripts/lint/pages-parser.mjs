import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as svelteParser from 'svelte-eslint-parser';
import ts from 'typescript';
import typescript from 'typescript-eslint';

/** Components, and modules with Svelte's runes: both are read by the parser of Svelte first. */
const OF_SVELTE = /\.svelte(\.ts)?$/;

/**
 * @typedef {{ filePath: string, tsconfigRootDir: string, project?: string | undefined, programs?: ts.Program[] }} Options what ESLint hands on
 * @typedef {{ ast: object, services?: object }} Parsed
 * @typedef {(code: string, options: Options) => Parsed} Parse
 */

const IS_COMMAND = /eslint(\.js)?$/.test(process.argv[1] ?? '');

const parse = /** @type {Parse} */ (typescript.parser.parseForESLint);

/**
 * The parser of TypeScript for files and components of the pages, with their types.
 *
 * By itself the parser makes a program of types anew for each component, as what stands in a component is turned into TypeScript only when
 * it is read: a second for each. Here all components are turned into TypeScript first, and one program holds them all.
 * A text that is not the one on the disk (one that was just mended) goes the parser's own way; so does all in an editor, where files change.
 */
export const pagesParser = {
  ...typescript.parser,
  /** @type {Parse} */
  parseForESLint(code, options) {
    if (!options?.project || !IS_COMMAND) return parse(code, options);
    const program = programOf(resolve(options.tsconfigRootDir, options.project), options);
    const isAsOnDisk = program.getSourceFile(options.filePath)?.text === code;
    return parse(code, isAsOnDisk ? { ...options, project: undefined, programs: [program] } : options);
  },
};

/** By the files that configure them. @type {Map<string, ts.Program>} */
const programs = new Map();

/** @param {string} config @param {Options} options @returns {ts.Program} */
function programOf(config, options) {
  const program = programs.get(config) ?? createProgram(config, options);
  programs.set(config, program);
  return program;
}

/** @param {string} config @param {Options} options @returns {ts.Program} */
function createProgram(config, options) {
  const { config: json, error } = ts.readConfigFile(config, ts.sys.readFile);
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
  const components = [{ extension: '.svelte', isMixedContent: false, scriptKind: ts.ScriptKind.Deferred }];
  const parsed = ts.parseJsonConfigFileContent(json, ts.sys, dirname(config), {}, config, undefined, components);
  const compilerOptions = { ...parsed.options, noEmit: true, allowNonTsExtensions: true };
  const host = ts.createCompilerHost(compilerOptions);
  const fromDisk = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...how) =>
    OF_SVELTE.test(path) ? ts.createSourceFile(path, scriptOf(path, options), how[0], true, ts.ScriptKind.TS) : fromDisk(path, ...how);
  return ts.createProgram(parsed.fileNames, compilerOptions, host);
}

/** A component as the TypeScript that its parser hands on; types are not asked for. @param {string} path @param {Options} options */
function scriptOf(path, options) {
  let script = '';
  const parser = {
    ...typescript.parser,
    /** @type {Parse} */
    parseForESLint: (code, given) => {
      script = code;
      return parse(code, given);
    },
  };
  svelteParser.parseForESLint(readFileSync(path, 'utf8'), { ...options, project: undefined, filePath: path, parser });
  return script;
}
