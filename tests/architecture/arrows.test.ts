import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SmallCheckout, smallCheckout } from '../support/small-checkout.ts';

/** The linter of the arrows is run on a small checkout of its own, in which every wrong arrow is really drawn. */

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

/** File, what it imports, and the rule that must object; null where the arrow is allowed. */
const CASES: [file: string, imported: string, rule: string | null][] = [
  ['main/cli/a.ts', '../studio/target.ts', null],
  ['main/cli/b.ts', '../web/target.ts', null],
  ['main/cli/c.ts', '../store/target.ts', 'arrows-cli'],
  ['main/cli/d.ts', '../bench/target.ts', null],
  ['main/bench/a.ts', '../training/target.ts', null],
  ['main/bench/b.ts', '../studio/target.ts', 'arrows-bench'],
  ['main/web/a.ts', '../electron/target.ts', 'arrows-web'],
  ['main/web/b.ts', '../training/process-executor.ts', null],
  ['main/electron/a.ts', '../cli/target.ts', 'arrows-electron'],
  ['main/electron/b.ts', 'electron', 'electron-in-its-host'],
  ['main/electron/main.ts', 'electron', null],
  ['main/studio/a.ts', '../store/target.ts', null],
  ['main/studio/d.ts', '../bench/target.ts', 'arrows-studio'],
  ['main/studio/b.ts', '../web/target.ts', 'arrows-studio'],
  ['main/studio/c.ts', '../../renderer/target.ts', 'arrows-studio'],
  ['main/store/a.ts', '../studio/target.ts', 'arrows-store'],
  ['main/store/b.ts', '../models/target.ts', 'arrows-store'],
  ['main/datasets/a.ts', '../training/target.ts', 'arrows-datasets'],
  ['main/models/a.ts', '../datasets/target.ts', 'arrows-models'],
  ['main/models/b.ts', '../llama/target.ts', null],
  ['main/training/a.ts', '../datasets/target.ts', null],
  ['main/training/b.ts', '../store/target.ts', 'arrows-training'],
  ['main/llama/a.ts', '../engine/target.ts', null],
  ['main/llama/b.ts', '../models/target.ts', 'arrows-llama'],
  ['main/llama/c.ts', 'node:fs', 'pure'],
  ['main/engine/a.ts', '../llama/target.ts', 'arrows-engine'],
  ['shared/a.ts', '../main/llama/target.ts', 'arrows-shared'],
  ['shared/b.ts', 'node:crypto', 'pure'],
  ['renderer/a.ts', '../shared/target.ts', null],
  ['renderer/b.ts', '../main/studio/target.ts', 'arrows-renderer'],
  ['renderer/c.ts', 'node:path', 'pages-in-a-browser'],
  ['main/store/c.ts', './missing.ts', 'resolvable'],
];

const ROOMS = [
  'main/electron',
  'main/web',
  'main/cli',
  'main/studio',
  'main/bench',
  'main/store',
  'main/datasets',
  'main/models',
  'main/training',
  'main/llama',
  'main/engine',
  'shared',
  'renderer',
];

let checkout: SmallCheckout;
let violations: { from: string; rule: string }[];

beforeAll(async () => {
  checkout = await smallCheckout(['.dependency-cruiser.cjs', 'tsconfig.node.json', 'tsconfig.base.json', 'package.json']);
  for (const room of ROOMS) await checkout.write(`${room}/target.ts`, 'export const value = 1;\n');
  await checkout.write('main/training/process-executor.ts', 'export const value = 1;\n');
  for (const [file, imported] of CASES) {
    await checkout.write(file, `import * as imported from '${imported}';\nexport const used = imported;\n`);
  }
  await checkout.write('main/store/round.ts', "import { trip } from './trip.ts';\nexport const round = (): unknown => trip;\n");
  await checkout.write('main/store/trip.ts', "import { round } from './round.ts';\nexport const trip = (): unknown => round;\n");
  violations = await cruise(checkout.directory);
});

afterAll(() => checkout.remove());

async function cruise(folder: string): Promise<{ from: string; rule: string }[]> {
  const tool = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [tool, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'main', 'shared', 'renderer'];
  const { stdout } = await run(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  return summary.violations.map(({ from, rule }) => ({ from, rule: rule.name }));
}

describe('the arrows between the rooms', () => {
  test.each(CASES)('%s imports %s: %s', (file, _imported, rule) => {
    expect(violations.filter(({ from }) => from === file).map((each) => each.rule)).toEqual(rule === null ? [] : [rule]);
  });

  test('a circle of imports is reported', () => {
    expect(violations.filter(({ rule }) => rule === 'no-cycles').map(({ from }) => from)).toContain('main/store/round.ts');
  });
});
