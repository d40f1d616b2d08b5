import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelInfo } from '../../shared/contract/models.ts';
import type { PlanReport } from '../../shared/contract/planning.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { type Importance, leastImportantFirst } from '../../shared/domain/importance.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** Where new blocks go, chosen and explained on the command line. */

let directory: string;
let strata: StrataHere;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-plan-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText, '--name', 'code');
  await strata.json('data', 'import', sources.oldText, '--name', 'stories');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Refusal {
  code: string;
  exitCode: number;
  found?: RegExp;
  allowed?: RegExp;
  hint?: RegExp;
}

async function fails(args: readonly string[], { code, exitCode, ...patterns }: Refusal): Promise<void> {
  const error = await strata.failure(...args);
  expect(error).toMatchObject({ code, exitCode });
  for (const [field, pattern] of Object.entries(patterns) as [keyof typeof patterns, RegExp][]) expect(error[field]).toMatch(pattern);
}

const ENGINE = ['--engine', fastEngine];

test('a plan is explained: layers, parameters, memory, time, sizes, tensors; nothing is made', async () => {
  const { stdout } = await strata.run('model', 'plan', 'tiny', '--at', 'even:2x2');
  expect(stdout).toMatch(
    /^New blocks +2 \(copy of 0\), 3 \(copy of 1\), 6 \(copy of 2\), 7 \(copy of 3\), in a model of 8 blocks, counted from 0$/m,
  );
  expect(stdout).toMatch(/^Added +[\d,]+ parameters to [\d,]+$/m);
  expect(stdout).toMatch(/^Backward pass +through 6 of 8 blocks$/m);
  expect(stdout).toMatch(/^Memory +about [\d.]+ MB of [\d.]+ GB, with 8 windows of 64 tokens$/m);
  expect(stdout).toMatch(/^Time +about .* for a million tokens, from /m);
  expect(stdout).toMatch(/^Exported +Hugging Face: F32 [\d.]+ kB \(\+[\d.]+ kB\), F16 /m);
  expect(stdout).toMatch(/GGUF: F32 .*, Q4_0 /);
  expect(stdout).toMatch(/^Trained +[\d,]+ parameters, in 36 tensors:\n {2}blocks 2, 3, 6, 7: input_layernorm, /m);
  const report = await strata.json<PlanReport>('model', 'plan', 'tiny', '--blocks', '1', '--at', 'top');
  expect(report.plan.inserted).toEqual([{ after: 3, copies: 3, position: 4 }]);
  expect(await strata.json<ModelInfo[]>('model', 'list')).toHaveLength(1);
});

test('what blocks matter is measured, shown as a table, and known from then on', async () => {
  const table = await strata.json<Importance>(
    'model',
    'importance',
    'tiny',
    '--old',
    'stories',
    '--windows',
    '5',
    '--context',
    '32',
    ...ENGINE,
  );
  expect(table).toMatchObject({ windows: 5, context: 32, datasets: [{ name: 'stories' }] });
  expect(table.blocks.map(({ block }) => block)).toEqual([0, 1, 2, 3]);
  const { stdout } = await strata.run('model', 'importance', 'tiny', '--old', 'stories');
  expect(stdout).toMatch(/^block +loss without +rise +standard error +rank$/m);
  for (const [index, block] of leastImportantFirst(table.blocks).entries()) {
    const { loss } = table.blocks[block]!;
    expect(stdout).toMatch(new RegExp(`^ *${block} +${loss.toFixed(4)} +[+-][\\d.]+ +[\\d.]+ +${index + 1}$`, 'm'));
  }
  expect(stdout).toMatch(/^Measured on +155 tokens in 5 windows of 32, of stories$/m);
});

test('a run and a copy are placed by it; a run measures it first where that was not done', async () => {
  const expanded = await strata.json<ModelInfo>('model', 'expand', 'tiny', '--blocks', '1', '--at', 'least-important', '--old', 'stories');
  const { blocks } = await strata.json<Importance>('model', 'importance', 'tiny', '--old', 'stories');
  const [least] = leastImportantFirst(blocks);
  expect(expanded.plan!.inserted.map(({ after }) => after)).toEqual([least]);

  const train = ['train', '--model', expanded.name, '--new', 'code', '--old', 'stories', '--blocks', '1', '--at', 'least-important'];
  const settings = ['--steps', '2', '--batch', '2', '--context', '32', ...ENGINE];
  const preview = await strata.json<TrainPreview>(...train, ...settings, '--dry-run');
  expect(preview.importance!.blocks).toHaveLength(5);
  const run = await strata.json<RunSummary>(...train, ...settings, '--name', 'second');
  expect(run.plan).toEqual(preview.plan);
  const shown = await strata.run('model', 'show', run.model!);
  expect(shown.stdout).toMatch(
    /^Line +1\. from tiny: expand, new blocks at \d, not trained; its blocks are \d now\n +2\. from tiny \+1: .*learned code: gain /m,
  );
});

test('what cannot be is refused, with what to do', async () => {
  await fails(['train', '--model', 'tiny', '--new', 'code', '--at', 'least-important'], { code: 'BAD_INPUT', exitCode: 2, hint: /--old/ });
  await fails(['model', 'expand', 'tiny', '--at', 'least-important'], { code: 'BAD_INPUT', exitCode: 2, hint: /--old/ });
  await fails(['model', 'plan', 'tiny', '--at', 'sideways'], { code: 'BAD_INPUT', exitCode: 2, allowed: /least-important/ });
  await fails(['model', 'importance', 'tiny', '--old', 'nothing'], { code: 'NOT_FOUND', exitCode: 2, allowed: /stories/ });
  await fails(['model', 'importance', 'tiny', '--old', 'stories', '--limit', '0'], { code: 'BAD_INPUT', exitCode: 2, found: /^0$/ });
});

test.each<[string[], string, RegExp, RegExp]>([
  [['--blocks', '0'], '0', /^a whole number from 1 to 512$/, /leave it out/],
  [['--blocks', '-1'], '-1', /^a whole number from 1 to 512$/, /leave it out/],
  [['--blocks', '1.5'], '1.5', /^a whole number from 1 to 512$/, /leave it out/],
  [['--at', 'even:7'], '7 groups', /^1 to 4, because/, /even:N with N from 1 to 4/],
  [['--at', '99'], 'a new block after block 99', /^positions 0 to 3, because/, /after block 3/],
  [['--at', 'even:3x2', '--blocks', '5'], '5 blocks, 3 groups with 2 copies each', /^6 blocks, or the groups alone$/, /Leave the number/],
])('a plan that cannot be says what can: %j', async (options, found, allowed, hint) => {
  const plan = ['model', 'plan', 'tiny', ...options];
  await fails(plan, { code: 'BAD_INPUT', exitCode: 2, found: new RegExp(`^${found.replaceAll('.', '\\.')}$`), allowed, hint });
});

test('a model whose plan and weights disagree is not trained; the difference is printed', async () => {
  const { path, id } = await strata.json<ModelInfo>('model', 'expand', 'tiny', '--blocks', '1', '--at', 'top', '--name', 'exchanged');
  const file = join(path, 'expansion.json');
  const expansion = JSON.parse(await readFile(file, 'utf8')) as { frozen: Record<string, string> };
  expansion.frozen['model.layers.2.mlp.up_proj.weight'] = `F32 ${'0'.repeat(64)}`;
  await writeFile(file, JSON.stringify(expansion));
  // Its weights may be wanted: a copy of the folder is imported, with a note.
  const { exitCode, stderr } = await strata.run('model', 'import', path, '--name', 'copied');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(
      /^Note: expansion\.json and the weights disagree in block 2: model\.layers\.2\.mlp\.up_proj\.weight\. .* not trained or expanded/m,
    ) as string,
  });
  const train = ['train', '--model', id, '--new', 'code', '--steps', '1', '--context', '32', ...ENGINE];
  const refused = await strata.run(...train);
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).not.toMatch(/Trained/);
  await fails([...train, '--dry-run'], { code: 'CORRUPT', exitCode: 1 });
  await fails(['train', '--model', id, '--new', 'code', '--steps', '1', '--context', '32', ...ENGINE], {
    code: 'CORRUPT',
    exitCode: 1,
    found: /^in block 2: model\.layers\.2\.mlp\.up_proj\.weight F32 sha256 [0-9a-f]{12}…$/,
    allowed: /^model\.layers\.2\.mlp\.up_proj\.weight F32 sha256 000000000000…, what expansion\.json recorded$/,
  });
  expect(existsSync(join(strata.home, 'runs', id))).toBe(false);
});
