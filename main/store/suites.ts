import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { type Suite, suitePartSchema } from '../../shared/contract/suites.ts';
import { type PartFigures, partFiguresSchema, type PartResult, partResultSchema } from '../../shared/domain/evaluation/part.ts';
import type { Reader, Writer } from './open-store.ts';

const partsSchema = z.array(suitePartSchema);

export function listSuites(reader: Reader): Suite[] {
  return reader
    .prepare<[], { id: string; name: string; definition: string; createdAt: string }>('SELECT * FROM suites ORDER BY createdAt, id')
    .all()
    .map(({ definition, ...rest }) => ({ ...rest, parts: partsSchema.parse(JSON.parse(definition)) }));
}

export function insertSuite(writer: Writer, { id, name, parts, createdAt }: Suite): void {
  writer
    .prepare('INSERT INTO suites (id, name, definition, createdAt) VALUES (?, ?, ?, ?)')
    .run(id, name, JSON.stringify(parts), createdAt);
}

export function renameSuite(writer: Writer, id: string, name: string): void {
  writer.prepare('UPDATE suites SET name = ? WHERE id = ?').run(name, id);
}

/** Hashes of models that some of these parts were measured of, the latest first. */
export function measuredModels(reader: Reader, parts: readonly string[]): string[] {
  return reader
    .prepare<[string], { modelHash: string }>(
      'SELECT modelHash FROM suiteResults WHERE part IN (SELECT value FROM json_each(?)) GROUP BY modelHash ORDER BY MAX(createdAt) DESC',
    )
    .all(JSON.stringify(parts))
    .map(({ modelHash }) => modelHash);
}

/** Removes a suite, and results of its parts that no other suite has. */
export function deleteSuite(writer: Writer, id: string): void {
  writer.transaction(() => {
    writer.prepare('DELETE FROM suites WHERE id = ?').run(id);
    const kept = new Set(listSuites(writer).flatMap(({ parts }) => parts.map(({ hash }) => hash)));
    const known = writer.prepare<[], { part: string }>('SELECT DISTINCT part FROM suiteResults').all();
    const forget = writer.prepare('DELETE FROM suiteResults WHERE part = ?');
    for (const { part } of known) if (!kept.has(part)) forget.run(part);
  })();
}

/** What a model made of a part: both by their hashes. */
export interface ResultKey {
  part: string;
  modelHash: string;
}

export interface StoredFigures {
  figures: PartFigures;
  createdAt: string;
}

/** Null where it has not been measured. */
export function findFigures(reader: Reader, { part, modelHash }: ResultKey): StoredFigures | null {
  const row = reader
    .prepare<[string, string], { figures: string; createdAt: string }>(
      'SELECT figures, createdAt FROM suiteResults WHERE part = ? AND modelHash = ?',
    )
    .get(part, modelHash);
  return row ? { figures: partFiguresSchema.parse(JSON.parse(row.figures)), createdAt: row.createdAt } : null;
}

/** With the items; null where it has not been measured. */
export function findResult(reader: Reader, { part, modelHash }: ResultKey): PartResult | null {
  const row = reader
    .prepare<[string, string], { items: Buffer }>('SELECT items FROM suiteResults WHERE part = ? AND modelHash = ?')
    .get(part, modelHash);
  return row ? partResultSchema.parse(JSON.parse(gunzipSync(row.items).toString())) : null;
}

/** Keeps a result; one of the same model and part is replaced. */
export function insertResult(
  writer: Writer,
  { part, modelHash }: ResultKey,
  result: PartResult,
  { seconds, engine, createdAt }: { seconds: number; engine: string; createdAt: string },
): void {
  const figures = JSON.stringify({ kind: result.kind, figures: result.figures });
  writer
    .prepare(
      'INSERT OR REPLACE INTO suiteResults (part, modelHash, figures, items, seconds, engine, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(part, modelHash, figures, gzipSync(JSON.stringify(result)), seconds, engine, createdAt);
}
