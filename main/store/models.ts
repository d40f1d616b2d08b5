import type { ModelInfo } from '../../shared/contract/models.ts';
import type { Reader, Writer } from './open-store.ts';

/** A model as the database keeps it: what the contract shows but for what follows from the rest, and the hash of its files. */
export type StoredModel = Omit<ModelInfo, 'owners'> & { hash: string };

type Row = Omit<StoredModel, 'plan' | 'line'> & { plan: string | null; line: string | null };

const COLUMNS =
  'id, name, architecture, parameters, blocks, vocabularySize, contextLength, path, bytes, hash, baseModel, run, plan, line, source, createdAt';

/** All but those in the bin, in the order of their making. */
export function listModels(reader: Reader): StoredModel[] {
  return reader.prepare<[], Row>(`SELECT ${COLUMNS} FROM models WHERE deletedAt IS NULL ORDER BY createdAt, id`).all().map(fromRow);
}

export function insertModel(writer: Writer, model: StoredModel): void {
  const names = COLUMNS.split(', ');
  writer
    .prepare(`INSERT INTO models (${COLUMNS}) VALUES (${names.map((name) => `@${name}`).join(', ')})`)
    .run({ ...model, plan: model.plan === null ? null : JSON.stringify(model.plan), line: JSON.stringify(model.line) });
}

function fromRow(row: Row): StoredModel {
  const plan = row.plan === null ? null : (JSON.parse(row.plan) as StoredModel['plan']);
  const line = row.line === null ? lineBefore70(row, plan) : (JSON.parse(row.line) as StoredModel['line']);
  return { ...row, plan, line };
}

/** Before version 70 the database knew no more of a model's origin than the plan of its last expansion. */
function lineBefore70({ name, run, baseModel }: Row, plan: StoredModel['plan']): StoredModel['line'] {
  if (!plan) return [];
  return [{ id: run, name, base: { name: baseModel ?? '', hash: '' }, method: { name: 'expand', plan }, importance: null, training: null }];
}
