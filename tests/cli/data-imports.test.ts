import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetDetails, DatasetInfo, ListedDocument, TokenCount } from '../../shared/contract/datasets.ts';
import type { ImportedFile, Inspection } from '../../shared/contract/dataset-import.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** Looking at files, importing them as chosen, and looking at what they became. */

interface Outcome {
  datasets: DatasetInfo[];
  files: ImportedFile[];
  isNew: boolean;
}

let directory: string;
let strata: StrataHere;
let table: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-data-imports-'));
  strata = new StrataHere(join(directory, 'home'));
  await strata.json('model', 'import', (await writeTinySources(directory)).model);
  table = join(directory, 'table.csv');
  const rows = Array.from({ length: 30 }, (_, index) => `Frage ${index}?,Answer number ${index} with some words more.`);
  await writeFile(table, ['left,right', ...rows, 'short,x'].join('\n') + '\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('inspect shows how rows would be read, and how a mapping would read them', async () => {
  const seen = await strata.json<Inspection>('data', 'inspect', table);
  expect(seen).toMatchObject({ files: 1, shapes: [{ mapping: null, files: 1 }] });
  const { stdout } = await strata.run('data', 'inspect', table, '--map', 'completion=left->right');
  expect(stdout).toContain(`read as --map 'completion=left->right'`);
  expect(stdout).toContain('"completion":"Answer number 0 with some words more."');
  expect(await strata.failure('data', 'inspect', table, '--map', 'text=middle')).toMatchObject({
    code: 'BAD_INPUT',
    allowed: /left, right/,
  });
});

test('import takes the licence that inspect shows, a later version that of the earlier one', async () => {
  const folder = join(directory, 'licensed');
  await mkdir(folder);
  await writeFile(join(folder, 'LICENSE'), 'MIT License\n\nPermission is hereby granted');
  await writeFile(join(folder, 'rows.jsonl'), '{"text":"one text of some words"}\n{"text":"another text of some words"}\n');
  const { licence } = await strata.json<Inspection>('data', 'inspect', folder);
  const imported = await strata.json<Outcome>('data', 'import', folder);
  expect([licence, imported.datasets[0]!.licence]).toEqual(['MIT License', 'MIT License']);
  const none = await strata.json<Outcome>('data', 'import', folder, '--licence', '', '--name', 'none');
  expect(none.datasets[0]!.licence).toBe(null);
  await appendFile(join(folder, 'rows.jsonl'), '{"text":"a third text of some words"}\n');
  const later = async (name: string): Promise<Outcome> => strata.json<Outcome>('data', 'update', name);
  expect([(await later('licensed')).datasets[0]!.licence, (await later('none')).datasets[0]!.licence]).toEqual(['MIT License', null]);
});

test('import reads and cleans as chosen; show, search and update say what came of it', async () => {
  const chosen = [
    '--map',
    'completion=left->right',
    '--clean',
    'minCharacters=10',
    'unicode=off',
    '--licence',
    'CC0',
    '--origin',
    'a friend',
  ];
  const made = await strata.json<Outcome>('data', 'import', table, ...chosen);
  expect(made).toMatchObject({ isNew: true, files: [{ path: table, status: 'imported' }] });
  const [dataset] = made.datasets as [DatasetInfo];
  expect(dataset).toMatchObject({ documents: 30, kinds: { completion: 30 }, licence: 'CC0', origin: 'a friend', version: 1 });

  const shown = await strata.json<DatasetDetails & { tokens: TokenCount }>('data', 'show', 'table', '--model', 'tiny');
  expect(shown.cleaning!.settings).toMatchObject({ minCharacters: 10, unicode: 'off' });
  expect(shown.tokens).toMatchObject({ dataset: dataset.id, isExact: true });
  const { stdout } = await strata.run('data', 'show', 'table', '--model', 'tiny');
  expect(stdout).toMatch(/Kinds +30 completion/);
  expect(stdout).toMatch(/Licence +CC0/);
  expect(stdout).toContain(`Tokens     ${shown.tokens.tokens.toLocaleString('en-US')}`);
  expect(stdout).toMatch(/minCharacters +31 +30 /);

  const found = await strata.json<{ documents: ListedDocument[]; next: number | null }>(
    'data',
    'search',
    'table',
    'FRAGE 2',
    '--limit',
    '3',
  );
  expect(found.documents.map(({ number }) => number)).toEqual([2, 20, 21]);
  expect(found.next).toBe(22);

  expect(await strata.json<Outcome>('data', 'update', 'table')).toMatchObject({ isNew: false, datasets: [{ id: dataset.id }] });
  await appendFile(table, 'One more question?,One more answer.\n');
  const later = await strata.json<Outcome>('data', 'update', 'table', '--clean', 'emails=mask');
  expect(later).toMatchObject({ isNew: true, datasets: [{ name: 'table (version 2)', version: 2, parent: dataset.id, documents: 31 }] });
  const { cleaning } = await strata.json<DatasetDetails>('data', 'show', later.datasets[0]!.id);
  expect(cleaning!.settings).toMatchObject({ minCharacters: 10, unicode: 'off', emails: 'mask' }); // the rest as before
  expect(await strata.failure('data', 'update', 'table', '--map', 'text=left')).toMatchObject({ code: 'BAD_INPUT' });
});
