import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { DataCheckReport } from '../../shared/domain/data-check.ts';
import type { DistanceReport, ReplayRecommendation } from '../../shared/domain/distance.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { storyDocuments, writeDocuments, writeTinySources } from '../support/workspace.ts';

/** Cross-checks and distance on the command line. */

const SECRET = 'Which of these thirteen or more words are in the training part of the leaky dataset, and which are not?';

let directory: string;
let strata: StrataHere;
let questions: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-checks-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText, '--name', 'code');
  await strata.json('data', 'import', sources.oldText, '--name', 'stories');
  questions = join(directory, 'questions.jsonl');
  await writeDocuments(questions, [SECRET]);
  const leaky = join(directory, 'leaky.jsonl');
  // Four times with other words around it: at least one is in the training part.
  await writeDocuments(leaky, [
    ...storyDocuments(40).map((text) => `Told again: ${text}`),
    ...['a', 'b', 'c', 'd'].map((end) => `${SECRET} ${end}`),
  ]);
  await strata.json('data', 'import', leaky, '--name', 'leaky');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('a check lists what leaks, and --drop makes versions that do not', async () => {
  const report = await strata.json<DataCheckReport>('data', 'check', 'leaky', '--eval', questions);
  const leak = report.leaks.find(({ item }) => item.part === 'evaluation')!;
  expect(leak).toMatchObject({ item: { source: questions, document: 0 }, training: { name: 'leaky' }, isWhole: true });
  const { stdout } = await strata.run('data', 'check', 'leaky', 'code', '--eval', questions);
  expect(stdout).toMatch(/^of +also in +documents +whole +overlapping +share +of 13-grams$/m);
  expect(stdout).toMatch(/^leaky +code +44 +0 +0 +0 % +0 %$/m);
  expect(stdout).toMatch(/^questions\.jsonl +evaluation +1 +1 +0$/m);
  expect(stdout).toMatch(/^ {2}questions\.jsonl 0 \(evaluation\) in leaky \d+, whole: which of these thirteen or more words are /m);
  expect(stdout).toMatch(/^Leave out of leaky: [\d, ]+/m);

  const { dropped } = await strata.json<DataCheckReport & { dropped: DatasetInfo[] }>(
    'data',
    'check',
    'leaky',
    '--eval',
    questions,
    '--drop',
  );
  const { documents } = report.drop[0]!;
  expect(dropped).toMatchObject([{ name: `leaky (${documents.length} dropped)`, documents: 44 - documents.length }]);
  const again = await strata.json<DataCheckReport>('data', 'check', dropped[0]!.id, '--eval', questions);
  expect(again).toMatchObject({ leakCount: 0, drop: [] });

  const [first] = documents;
  const made = await strata.json<DatasetInfo>('data', 'drop', 'leaky', '--documents', `${first}`, '--name', 'one less');
  expect(made).toMatchObject({ name: 'one less', documents: 43 });
});

test('a distance says what each measure means, and the share that follows', async () => {
  const args = ['data', 'distance', '--new', 'code', '--old', 'stories', '--model', 'tiny', '--engine', fastEngine];
  const report = await strata.json<DistanceReport & { recommendation: ReplayRecommendation }>(...args);
  expect(report.recommendation).toMatchObject({ distance: 'far', replayShare: 0.25 });
  const { stdout } = await strata.run(...args);
  const [words] = report.ngrams;
  expect(stdout).toContain(`1       ${words!.divergence.toFixed(3)}`);
  expect(stdout).toMatch(/^ {2}It is not a forecast of forgetting/m);
  expect(stdout).toMatch(
    /^Loss of tiny in bits per byte: new [\d.]+ ± [\d.]+ on [\d,]+ tokens of \d+ documents, old .*; gap -?[\d.]+ ± [\d.]+/m,
  );
  expect(stdout).toMatch(/^Old documents nearest to the new data:\n {2}\d\.\d{3} {2}stories \d+: Tale \d+\. The /m);
  expect(stdout).toMatch(/^Replay share to begin with: 25 %\. New and old data are far apart: /m);
});

test('what cannot be compared is refused', async () => {
  expect(await strata.failure('data', 'check', 'code', '--eval', 'nothing')).toMatchObject({ code: 'NOT_FOUND', exitCode: 2 });
  expect(await strata.failure('data', 'distance', '--new', 'code', '--old', 'code')).toMatchObject({ code: 'BAD_INPUT', exitCode: 2 });
  expect(await strata.failure('data', 'drop', 'code', '--documents', '1,x')).toMatchObject({
    code: 'BAD_INPUT',
    exitCode: 2,
    found: '1,x',
  });
  expect(await strata.failure('data', 'drop', 'code', '--documents', '999')).toMatchObject({
    code: 'BAD_INPUT',
    exitCode: 2,
    found: 'document 999',
  });
});
