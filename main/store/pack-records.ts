import type { z } from 'zod';
import { type PackProof, packProofSchema } from '../../shared/contract/packs.ts';
import { type GateEvaluation, gateEvaluationSchema } from '../../shared/domain/gate.ts';
import type { Reader, Writer } from './open-store.ts';

/** What was measured of a model's packs, by the hash of its files: the latest of each kind. */

/** A proof is of all packs together. */
const ALL_PACKS = 0;

export function findProof(reader: Reader, modelHash: string): PackProof | null {
  return find(reader, modelHash, 'proof', ALL_PACKS, packProofSchema);
}

export function insertProof(writer: Writer, modelHash: string, proof: PackProof): void {
  insert(writer, modelHash, 'proof', ALL_PACKS, proof);
}

export function findGate(reader: Reader, modelHash: string, pack: number): GateEvaluation | null {
  return find(reader, modelHash, 'gate', pack, gateEvaluationSchema);
}

export function insertGate(writer: Writer, modelHash: string, evaluation: GateEvaluation): void {
  insert(writer, modelHash, 'gate', evaluation.pack, evaluation);
}

function find<Record>(reader: Reader, modelHash: string, kind: string, pack: number, schema: z.ZodType<Record>): Record | null {
  const row = reader
    .prepare<[string, string, number], { record: string }>('SELECT record FROM packRecords WHERE modelHash = ? AND kind = ? AND pack = ?')
    .get(modelHash, kind, pack);
  return row ? schema.parse(JSON.parse(row.record)) : null;
}

function insert(writer: Writer, modelHash: string, kind: string, pack: number, record: { at: string }): void {
  writer
    .prepare('INSERT OR REPLACE INTO packRecords (modelHash, kind, pack, record, createdAt) VALUES (?, ?, ?, ?, ?)')
    .run(modelHash, kind, pack, JSON.stringify(record), record.at);
}
