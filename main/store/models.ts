import type { ModelInfo } from '../../shared/contract/contract.ts';
import type { Reader, Writer } from './open-store.ts';

/** A model as the database keeps it: what the contract shows, and the hash of its files. */
export type StoredModel = ModelInfo & { hash: string };

type Row = Omit<StoredModel, 'plan'> & { plan: string | null };

const COLUMNS =
  'id, name, architecture, parameters, blocks, vocabularySize, contextLength, path, bytes, hash, baseModel, run, plan, source, createdAt';

export function listModels(reader: Reader): StoredModel[] {
  return reader.prepare<[], Row>(`SELECT ${COLUMNS} FROM models ORDER BY createdAt, id`).all().map(fromRow);
}

export function insertModel(writer: Writer, model: StoredModel): void {
  const names = COLUMNS.split(', ');
  writer
    .prepare(`INSERT INTO models (${COLUMNS}) VALUES (${names.map((name) => `@${name}`).join(', ')})`)
    .run({ ...model, plan: model.plan === null ? null : JSON.stringify(model.plan) });
}

export function deleteModel(writer: Writer, id: string): void {
  writer.prepare('DELETE FROM models WHERE id = ?').run(id);
}

function fromRow(row: Row): StoredModel {
  return { ...row, plan: row.plan === null ? null : (JSON.parse(row.plan) as StoredModel['plan']) };
}
