import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';

/**
 * What electron-builder would put into a package for another platform, without packing anything: its own packager reads the configuration,
 * its own matchers choose the files. Nothing of Electron is needed for it.
 */

const root = resolve(import.meta.dirname, '../../..');
const require = createRequire(import.meta.url);

export const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'] as const;
export type Target = (typeof TARGETS)[number];

/** The lists of one package, with "/" between folders. */
export interface PackageFiles {
  /** Inside the archive, and of these what lies beside it because it is opened by path. */
  archive: string[];
  unpacked: string[];
  /** Beside the archive, in the package's folder of resources. */
  resources: string[];
  /** Where all of them are taken from, whole paths. */
  sources: string[];
}

/** As far as the packager's parts are used here. */
interface Matcher {
  from: string;
  to: string;
  isEmpty(): boolean;
  containsOnlyIgnore(): boolean;
  prependPattern(pattern: string): void;
  createFilter(): (path: string, stat: { isDirectory(): boolean; isFile(): boolean; moduleName?: string }) => boolean;
}
interface FileSet {
  src: string;
  destination: string;
  files: string[];
}
interface PlatformPackager {
  info: { appDir: string };
  config: object;
  platformSpecificBuildOptions: object;
  createGetFileMatchersOptions(outDir: string, arch: number, options: object): { macroExpander: (text: string) => string };
  getExtraFileMatchers(isResources: boolean, appOutDir: string, options: object): Matcher[] | null;
  pack(outDir: string, arch: number): Promise<void>;
}

/** The files of a package for that platform, sorted. */
export async function packageFiles(target: Target): Promise<PackageFiles> {
  const { Arch, Packager, Platform } = require('app-builder-lib') as {
    Arch: Record<string, number>;
    Packager: new (options: object) => { build(): Promise<unknown>; createHelper(platform: unknown): Promise<PlatformPackager> };
    Platform: { fromString(name: string): { createTarget(type: string, arch: number): unknown } };
  };
  const [platform, arch] = target.split('-') as [string, string];
  const targets = Platform.fromString(platform).createTarget('dir', Arch[arch]!);
  const packager = new Packager({ targets, projectDir: root, publish: 'never' }); // reads electron-builder.yml
  let files: PackageFiles | null = null;
  const createHelper = packager.createHelper.bind(packager);
  packager.createHelper = async (of) => {
    const helper = await createHelper(of);
    helper.pack = async (outDir, its) => void (files = await filesOf(helper, outDir, its));
    return helper;
  };
  await packager.build();
  return files!;
}

async function filesOf(helper: PlatformPackager, outDir: string, arch: number): Promise<PackageFiles> {
  const { getFileMatchers, getMainFileMatchers, getNodeModuleFileMatcher } = require('app-builder-lib/out/fileMatcher.js') as {
    getFileMatchers(config: object, name: string, destination: string, options: object): Matcher[] | null;
    getMainFileMatchers(...values: unknown[]): Matcher[];
    getNodeModuleFileMatcher(...values: unknown[]): Matcher;
  };
  const { computeFileSets, computeNodeModuleFileSets, getDestinationPath } = require('app-builder-lib/out/util/appFileCopier.js') as {
    computeFileSets(matchers: Matcher[], transformer: null, helper: PlatformPackager, isCompiled: boolean): Promise<FileSet[]>;
    computeNodeModuleFileSets(helper: PlatformPackager, matcher: Matcher): Promise<FileSet[]>;
    getDestinationPath(file: string, set: FileSet): string;
  };
  const { walk } = require('builder-util') as { walk(folder: string, filter: ReturnType<Matcher['createFilter']>): Promise<string[]> };
  const { appDir } = helper.info;
  const options = helper.platformSpecificBuildOptions;
  const archive = join(outDir, 'app');
  const matching = helper.createGetFileMatchersOptions(outDir, arch, options);
  const main = getMainFileMatchers(appDir, archive, matching.macroExpander, options, helper, outDir, false);
  const modules = getNodeModuleFileMatcher(appDir, archive, matching.macroExpander, options, helper.info);
  const sets = [...(await computeFileSets(main, null, helper, false)), ...(await computeNodeModuleFileSets(helper, modules))];
  const packed = sets.flatMap((set) => set.files.map((file) => getDestinationPath(file, set)));
  const [unpack] = getFileMatchers(helper.config, 'asarUnpack', archive, { ...matching, defaultSrc: appDir })!;
  const isUnpacked = unpack!.createFilter();
  const isFile = { isDirectory: () => false, isFile: () => true };
  const below = (folder: string, path: string): string => relative(folder, path).replaceAll('\\', '/');
  const resources: string[] = [];
  const sources = sets.flatMap((set) => set.files);
  for (const matcher of helper.getExtraFileMatchers(true, outDir, matching) ?? []) {
    if (matcher.isEmpty() || matcher.containsOnlyIgnore()) matcher.prependPattern('**/*');
    const found = await walk(matcher.from, matcher.createFilter()).catch(() => []); // an addon is only there where it was compiled
    resources.push(...found.map((path) => below(matcher.from, path)));
    sources.push(...found);
  }
  const files = packed.map((path) => below(archive, path));
  return {
    archive: files.sort(),
    unpacked: files.filter((path) => isUnpacked(join(appDir, path), isFile)).sort(),
    resources: resources.sort(),
    sources,
  };
}
