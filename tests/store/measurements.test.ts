import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeDocumentSums, encodeDocumentSums } from '../../main/store/document-sums.ts';
import { findDocumentSums, insertMeasurements, listMeasurements } from '../../main/store/measurements.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { deleteRun, insertRun, updateRun } from '../../main/store/runs.ts';
import type { DatasetMeasure } from '../../shared/domain/measurement.ts';
import { runRecord } from '../support/run-records.ts';

let directory: string;
let store: Writer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-store-'));
  store = openStore(join(directory, 'strata.db'));
  insertRun(store, runRecord());
});
afterEach(async () => {
  store.close();
  await rm(directory, { recursive: true });
});

const measure = (datasetId: string, loss: number): DatasetMeasure => ({
  datasetId,
  name: datasetId,
  hash: `hash of ${datasetId}`,
  role: datasetId === 'code' ? 'new' : 'old',
  tokens: 30,
  bytes: 100,
  documents: 2,
  coverage: 0.5,
  loss: { value: loss, error: 0.1 },
  bitsPerByte: { value: loss / 2, error: 0.05 },
  agreement: null,
  drift: null,
  shift: null,
});
const documents = (
  datasetId: string,
  drifts: number[] | null,
): { datasetId: string; tokens: number[]; losses: number[]; drifts: number[] | null } => ({
  datasetId,
  tokens: [10, 20],
  losses: [31.5, 1 / 3],
  drifts,
});

describe('the sums of documents as bytes', () => {
  it.each([[null], [[0.25, -0]]])('come back to the last bit, with drifts %j', (drifts) => {
    const bytes = encodeDocumentSums(documents('code', drifts));
    expect(bytes).toHaveLength(8 * (1 + (drifts ? 3 : 2) * 2));
    expect(bytes.readDoubleLE(8)).toBe(10);
    expect(decodeDocumentSums(bytes)).toEqual({
      tokens: Float64Array.of(10, 20),
      losses: Float64Array.of(31.5, 1 / 3),
      drifts: drifts && Float64Array.from(drifts),
    });
  });

  it('may be of no document', () => {
    expect(decodeDocumentSums(encodeDocumentSums({ tokens: [], losses: [], drifts: null })).tokens).toHaveLength(0);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a column that is cut off', encodeDocumentSums(documents('code', null)).subarray(0, -8)],
    ['half a number', encodeDocumentSums(documents('code', null)).subarray(0, -3)],
    ['zeros', Buffer.alloc(40)],
  ])('of %s are refused', (_, bytes) => {
    expect(() => decodeDocumentSums(bytes)).toThrow(/cannot be read from the database/);
  });
});

describe('what a run measured', () => {
  it('is listed by steps; a step that is measured again replaces what was there', () => {
    insertMeasurements(store, 'run-1', 0, [measure('code', 3), measure('stories', 2)], [documents('code', null)]);
    insertMeasurements(store, 'run-1', 10, [measure('code', 9)]);
    insertMeasurements(store, 'run-1', 10, [measure('code', 2.5)]);
    expect(listMeasurements(store, 'run-1')).toEqual([
      { step: 0, measure: measure('code', 3) },
      { step: 0, measure: measure('stories', 2) },
      { step: 10, measure: measure('code', 2.5) },
    ]);
    expect(listMeasurements(store, 'other')).toEqual([]);
  });

  it('has the sums of its documents before step 1 and, once it has a result, of that', () => {
    insertMeasurements(store, 'run-1', 0, [measure('code', 3)], [documents('code', null)]);
    insertMeasurements(store, 'run-1', 10, [measure('code', 2.5)]);
    const sums = { tokens: Float64Array.of(10, 20), losses: Float64Array.of(31.5, 1 / 3) };
    const dataset = { dataset: 'code', hash: 'hash of code', role: 'new', ...sums };
    expect(findDocumentSums(store, 'run-1', 'baseline')).toEqual([{ ...dataset, drifts: null }]);
    expect(findDocumentSums(store, 'run-1', 'final')).toEqual([]);
    insertMeasurements(store, 'run-1', 20, [measure('code', 2)], [documents('code', [1, 2])]);
    updateRun(store, 'run-1', { final: { new: { loss: 2, tokens: 30 }, old: null, drift: null } });
    expect(findDocumentSums(store, 'run-1', 'final')).toEqual([{ ...dataset, drifts: Float64Array.of(1, 2) }]);
    expect(findDocumentSums(store, 'run-1', 'baseline')).toEqual([{ ...dataset, drifts: null }]);
  });

  it('goes with the run', () => {
    insertMeasurements(store, 'run-1', 0, [measure('code', 3)]);
    deleteRun(store, 'run-1');
    expect(listMeasurements(store, 'run-1')).toEqual([]);
  });
});
