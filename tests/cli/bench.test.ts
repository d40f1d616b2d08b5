import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { median } from '../../main/bench/run-bench.ts';
import type { BenchReport } from '../../main/bench/run-bench.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import { fastEngine } from '../support/engines.ts';
import { onlyDocument, startStrata } from '../support/strata-command.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** `strata bench` on a model so small that a step takes milliseconds. */

const temporary = useTemporaryFolder();
let folder: string;
/** A machine without PyTorch: no Python in the path, none in the engine folder. */
let environment: Record<string, string>;

beforeEach(async () => {
  folder = temporary.path;
  const [programs, engine, scratch] = [join(folder, 'programs'), join(folder, 'engine'), join(folder, 'scratch')];
  for (const each of [programs, engine, scratch]) await mkdir(each);
  const manifest = await readFile(join(engineDirectory(), 'engine.json')).catch(() => null);
  if (manifest) await writeFile(join(engine, 'engine.json'), manifest);
  environment = { PATH: programs, STRATA_ENGINE_DIR: engine, STRATA_PYTHON: '', TMPDIR: scratch };
});

const bench = (...args: string[]): ReturnType<typeof startStrata> => startStrata(['bench', ...args], { env: environment });

const QUICK = ['--shape', 'tiny', '--rounds', '2', '--steps', '2', '--threads', '1'];

test('without PyTorch, Strata alone is measured, and it says so', async () => {
  const out = join(folder, 'report.json');
  const { exitCode, stdout, stderr } = await bench('train-expand', 'eval', 'load', ...QUICK, '--json', '--out', out).finished;
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/PyTorch {2}not measured: .*python3/) as string,
  });
  const report = onlyDocument(stdout) as BenchReport;
  expect(report).toMatchObject({
    pytorch: null,
    pytorchMissing: expect.stringContaining('python3') as string,
    threads: 1,
    rounds: 2,
    steps: 2,
  });
  expect(report.engine.name).toBe(fastEngine);
  expect(report.results.map(({ suite, shape, blocks, inserted }) => ({ suite, shape, blocks, inserted }))).toEqual([
    { suite: 'train-expand', shape: 'tiny', blocks: 4, inserted: 1 },
    { suite: 'eval', shape: 'tiny', blocks: 4, inserted: 0 },
    { suite: 'load', shape: 'tiny', blocks: 4, inserted: 0 },
  ]);
  for (const { ours, peer, speedRatio, memoryRatio, lossDifference, suite, batch, context } of report.results) {
    expect({ peer, speedRatio, memoryRatio, lossDifference }).toEqual({
      peer: null,
      speedRatio: null,
      memoryRatio: null,
      lossDifference: null,
    });
    expect(ours.rounds).toHaveLength(2);
    expect(ours.seconds).toBe(median(ours.rounds.map(({ seconds }) => seconds)));
    expect(ours.peakMemory).toBeGreaterThan(50e6);
    expect(ours.tokensPerSecond).toBe(suite === 'load' ? null : (batch * context) / ours.seconds);
  }
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(report);
  expect(await readdir(join(folder, 'scratch')), 'models and windows are removed').toEqual([]);
});

test('for people: a table, and how to get PyTorch', async () => {
  const { exitCode, stdout } = await bench('eval', ...QUICK).finished;
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/eval tiny 2 x 16, round 2 of 2: [\d.]+ tokens\/s Strata\n/);
  expect(stdout).toMatch(/^suite +shape +blocks +new +windows +Strata +memory$/m);
  expect(stdout).toMatch(/^eval +tiny +4 +0 +2 x 16 +[\d.]+ tok\/s +[\d.]+ MB$/m);
  expect(stdout).toContain('"npm run parity" sets it up');
});

test.skipIf(process.platform === 'win32')('files are moved beside cp', async () => {
  environment.PATH = process.env.PATH!; // for cp; a Python without PyTorch is none
  environment.STRATA_PYTHON = '';
  const { exitCode, stdout } = await bench('model-files', ...QUICK, '--json').finished;
  expect(exitCode).toBe(0);
  const { results } = onlyDocument(stdout) as BenchReport;
  expect(results.map(({ suite, blocks, inserted }) => ({ suite, blocks, inserted }))).toEqual([
    { suite: 'model-files', blocks: 4, inserted: 0 },
    { suite: 'model-files', blocks: 4, inserted: 1 },
  ]);
  for (const { copy, copyRatio, ours } of results) {
    expect(copy!.bytes).toBeGreaterThan(50_000);
    expect(copyRatio).toBeGreaterThan(0);
    expect(ours.tokensPerSecond).toBeNull();
    expect(ours.peakMemory).toBeLessThan(300e6);
  }
  expect(await readdir(join(folder, 'scratch'))).toEqual([]);
});

describe('beside a peer', () => {
  /** A program that answers as the Python side does, in known times, and keeps the jobs that it was given. */
  async function standInPython(losses: number[]): Promise<string> {
    const path = join(folder, 'python');
    await writeFile(
      path,
      `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const [first, second] = process.argv.slice(2);
if (first === '-c') console.log(JSON.stringify({ python: '3.11.0', torch: '2.13.0', transformers: '4.57.6', peft: null }));
else {
  appendFileSync(${JSON.stringify(join(folder, 'jobs'))}, readFileSync(second) + '\\n');
  console.log('a line that is no answer');
  console.log(JSON.stringify({ seconds: [8, 2, 4], losses: ${JSON.stringify(losses)}, peakMemory: 1e6 }));
}
`,
    );
    await chmod(path, 0o755);
    return path;
  }

  test('ratios are of medians, and both sides get the same job', async () => {
    const python = await standInPython([]);
    const { exitCode, stdout } = await bench('load', ...QUICK, '--python', python, '--json').finished;
    expect(exitCode).toBe(0);
    const { results, pytorch } = onlyDocument(stdout) as BenchReport;
    expect(pytorch).toEqual({ python, versions: { python: '3.11.0', torch: '2.13.0', transformers: '4.57.6', peft: null } });
    const [{ ours, peer, speedRatio, memoryRatio }] = results as [BenchReport['results'][0]];
    expect(peer).toEqual({
      seconds: 4,
      tokensPerSecond: null,
      peakMemory: 1e6,
      rounds: [
        { seconds: 4, peakMemory: 1e6 },
        { seconds: 4, peakMemory: 1e6 },
      ],
    });
    expect(speedRatio).toBeCloseTo(median(ours.rounds.map(({ seconds }) => 4 / seconds)), 10);
    expect(memoryRatio).toBeCloseTo(median(ours.rounds.map(({ peakMemory }) => peakMemory / 1e6)), 10);
    const jobs = (await readFile(join(folder, 'jobs'), 'utf8')).trim().split('\n');
    expect(jobs.map((job) => JSON.parse(job) as unknown)).toMatchObject([{ task: 'load', threads: 1 }, { task: 'load' }]);
  });

  test('figures of sides that do not compute the same are void', async () => {
    const python = await standInPython([1, 1, 1, 1]);
    const { stdout } = await bench('eval', ...QUICK, '--python', python).finished;
    expect(stdout).toMatch(/eval on tiny: the losses differ by 4\.\d+, so these figures are void/);
  });

  test('a peer that fails is named with what it said last', async () => {
    const python = await standInPython([]);
    await writeFile(
      python,
      `#!/bin/sh\nif [ "$1" = -c ]; then echo '{"python":"3","torch":"2","transformers":"4","peft":null}'; exit; fi\necho no room >&2; exit 3\n`,
    );
    const { exitCode, stdout } = await bench('eval', ...QUICK, '--python', python, '--json').finished;
    const { error } = onlyDocument(stdout) as { error: ErrorRecord };
    expect({ exitCode, error }).toMatchObject({ exitCode: 1, error: { code: 'CRASHED', found: 'exit code 3. no room' } });
    expect(error.message).toContain('PyTorch');
  });
});

test('interrupted, it ends its child, removes what it wrote and keeps the report of what was done', async () => {
  const out = join(folder, 'report.json');
  const running = bench('train-expand', '--shape', 'tiny', '--rounds', '2', '--steps', '100000', '--threads', '1', '--out', out, '--json');
  await running.said(/not measured/);
  await expect
    .poll(() => readdir(join(folder, 'scratch'), { recursive: true }), { timeout: 20_000 })
    .toContainEqual(expect.stringContaining('job.json'));
  running.child.kill('SIGINT');
  const { exitCode, stdout } = await running.finished;
  expect({ exitCode, answer: onlyDocument(stdout) }).toMatchObject({ exitCode: 130, answer: { error: { code: 'INTERRUPTED' } } });
  expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ results: [] });
});

describe('what cannot be measured is refused before anything starts', () => {
  test.each([
    ['a benchmark', ['train-fast'], 'train-fast', 'train-expand'],
    ['a shape', ['--shape', 'llama'], 'llama', 'base, smollm2-135m, gigabyte, tiny'],
    ['rounds', ['--rounds', '0'], '0', 'a whole number from 1'],
    ['steps', ['--steps', 'many'], 'many', 'a whole number from 1'],
    ['a context', ['--context', '1'], '1', 'a whole number from 2'],
    ['an engine', ['--engine', 'fast'], 'fast', 'auto'],
    ['windows longer than the model', ['train-expand', '--shape', 'tiny', '--context', '999999'], '999999 tokens', '2 to 256 tokens'],
  ])('%s', async (_, args, found, allowed) => {
    const { exitCode, stdout } = await bench(...args, '--json').finished;
    expect({ exitCode, answer: onlyDocument(stdout) }).toMatchObject({
      exitCode: 2,
      answer: { error: { code: 'BAD_INPUT', found, allowed: expect.stringContaining(allowed) as string } },
    });
  });

  test('what does not fit into the memory', async () => {
    const { exitCode, stdout } = await bench('train-full', '--shape', 'smollm2-135m', '--context', '8192', '--batch', '4096', '--json')
      .finished;
    expect({ exitCode, answer: onlyDocument(stdout) }).toMatchObject({
      exitCode: 2,
      answer: {
        error: { code: 'BAD_INPUT', found: expect.stringMatching(/^about \d+\.\d GB for 4096 windows of 8192 tokens$/) as string },
      },
    });
  });

  test('a Python without PyTorch', async () => {
    const python = join(folder, 'bare-python');
    await writeFile(python, `#!/bin/sh\necho "ModuleNotFoundError: No module named 'torch'" >&2; exit 1\n`);
    await chmod(python, 0o755);
    const { exitCode, stdout } = await bench('eval', ...QUICK, '--python', python, '--json').finished;
    expect({ exitCode, answer: onlyDocument(stdout) }).toMatchObject({
      exitCode: 2,
      answer: { error: { code: 'BAD_INPUT', found: `${python}: ModuleNotFoundError: No module named 'torch'` } },
    });
  });

  test('a report in a folder that does not exist', async () => {
    const { exitCode, stdout } = await bench('eval', ...QUICK, '--out', join(folder, 'none', 'report.json'), '--json').finished;
    expect({ exitCode, answer: onlyDocument(stdout) }).toMatchObject({ exitCode: 2, answer: { error: { code: 'NOT_FOUND' } } });
  });
});
