import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineInfoSchema } from '../../shared/contract/engines.ts';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import { fastEngine } from '../support/engines.ts';
import { openStudioAt } from '../support/workspace.ts';

let directory: string;
let studios: Studio[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-studio-'));
  studios = [];
});
afterEach(async () => {
  for (const studio of studios) await studio.close();
  await rm(directory, { recursive: true });
});

function opened(home: string): Studio {
  const studio = openStudioAt(home);
  studios.push(studio);
  return studio;
}

describe('opening a workspace', () => {
  it('makes a new one where there is none, with nothing in it', () => {
    const home = join(directory, 'far', 'away');
    const studio = opened(home);
    expect(studio.info()).toMatchObject({ home, version: '0.0.0-test' });
    expect([studio.models.list(), studio.datasets.list(), studio.runs.list()]).toEqual([[], [], []]);
  });

  it('refuses one of a newer program, and a damaged one, and changes neither', async () => {
    await opened(join(directory, 'newer')).close();
    const newer = join(directory, 'newer', 'strata.db');
    const database = new Database(newer);
    database.pragma('user_version = 99990');
    database.close();
    await writeFile(join(directory, 'strata.db'), 'not a database');
    for (const [home, code, exitCode] of [
      [join(directory, 'newer'), 'CONFLICT', 2],
      [directory, 'CORRUPT', 1],
    ] as const) {
      const before = await readFile(join(home, 'strata.db'));
      expect(() => openStudioAt(home)).toThrow(expect.objectContaining({ code, exitCode }) as Error);
      expect(await readFile(join(home, 'strata.db'))).toEqual(before);
    }
  });

  it('says whether this installation has an embedded base', () => {
    const without = openStudio({ home: directory, executor: new ProcessExecutor(), resources: join(directory, 'nothing'), version: '1' });
    studios.push(without);
    expect(without.info().embeddedBase).toBeNull();
    expect(opened(directory).info().embeddedBase).toBe('strata-base');
  });
});

it('engines are listed with their self-tests', async () => {
  const { selected, engines } = await opened(directory).engines();
  expect(selected).toBe(fastEngine);
  for (const engine of engines) expect(engineInfoSchema.parse(engine)).toEqual(engine);
});
