import { truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ImportMeter, type ImportProgress } from '../../main/datasets/import/import-meter.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

it('counts the files and their bytes, and says nothing of the time before it knows them and in the first seconds', async () => {
  await truncate(await folder.write('a.txt', ''), 30_000_000);
  await truncate(await folder.write('b/c.txt', ''), 10_000_000);
  const told: ImportProgress[] = [];
  let now = 0;
  const meter = new ImportMeter(
    (progress) => told.push(progress),
    () => now,
  );
  const at = (seconds: number): ImportProgress => {
    now = seconds;
    meter.tell({});
    return told.at(-1)!;
  };
  meter.tell({ activity: 'Reading' });
  expect(told.at(-1)).toMatchObject({ fraction: null, files: null, secondsLeft: null });
  await meter.measure([folder.path]);
  expect(told.at(-1)).toMatchObject({ fraction: 0, files: 2 });
  meter.sources.onDiskFile!('a.txt', 30_000_000);
  meter.sources.onDiskBytes!(10_000_000);
  expect(at(1).secondsLeft).toBe(null);
  const some = at(10);
  // A quarter in ten seconds: thirty more, and what comes after the reading, which is little.
  expect(some.secondsLeft).toBeGreaterThan(28);
  expect(some.secondsLeft).toBeLessThan(34);
  expect(some.fraction).toBeCloseTo(10 / (10 + some.secondsLeft!), 10);
  meter.sources.onDiskBytes!(90_000_000); // read twice, or more than it had
  meter.sources.onDiskFile!('c.txt', 10_000_000);
  meter.sources.onDiskBytes!(10_000_000);
  const read = at(40);
  expect(read.fraction).toBeGreaterThan(0.9);
  meter.reach('cleaning', 0);
  expect(at(40).fraction).toBeGreaterThanOrEqual(read.fraction!);
  meter.reach('writing', 1);
  expect(at(50)).toMatchObject({ fraction: 1, secondsLeft: 0 });
});

/** Sources, and the seconds that a machine takes: to open each file, for each document, and for each MB read and each cleaned or written. */
interface Course {
  files: readonly number[];
  file: number;
  readMegabyte: number;
  document: number;
  handleMegabyte: number;
}

const KB = 1000;
const MB = 1e6;
const times = (count: number, bytes: number): number[] => Array.from({ length: count }, () => bytes);
/** As measured on two cores. */
const MACHINE = { file: 1e-3, readMegabyte: 0.01, document: 20e-6, handleMegabyte: 0.025 };
/** Of a document in a file that holds many. */
const DOCUMENT_BYTES = 2 * KB;

/** All that an import of this course tells, and when; the time is simulated. */
function courseOf({ files, file, readMegabyte, document, handleMegabyte }: Course): { at: number; told: ImportProgress }[] {
  const all: { at: number; told: ImportProgress }[] = [];
  let now = 0;
  const meter = new ImportMeter(
    (told) => all.push({ at: now, told }),
    () => now,
  );
  const total = files.reduce((sum, bytes) => sum + bytes, 0);
  meter.measured({ files: files.length, bytes: total });
  let documents = 0;
  for (const [place, bytes] of files.entries()) {
    meter.sources.onDiskFile!('', bytes);
    meter.tell({ filesDone: place, documents });
    now += file;
    for (let read = 0; read < bytes;) {
      const chunk = Math.min(1 << 18, bytes - read);
      now += (chunk / MB) * readMegabyte;
      read += chunk;
      meter.sources.onDiskBytes!(chunk);
      meter.read(chunk);
    }
    documents += Math.ceil(bytes / DOCUMENT_BYTES);
  }
  meter.tell({ documents, filesDone: files.length });
  for (const phase of ['cleaning', 'writing'] as const) {
    for (let step = 0; step <= 100; step++) {
      meter.reach(phase, step / 100);
      meter.tell({});
      if (step < 100) now += ((total / MB) * handleMegabyte + documents * document) / 100;
    }
  }
  return all;
}

describe('the time that is left, after a third of it, is told to within a factor of two', () => {
  const slow = { file: 5e-3, readMegabyte: 0.05, document: 60e-6, handleMegabyte: 0.08 };
  it.each<[string, Course]>([
    ['many tiny files', { ...MACHINE, files: times(100_000, 150) }],
    ['many tiny files on a slow machine', { ...slow, files: times(40_000, 150) }],
    ['one large file', { ...MACHINE, files: [2000 * MB] }],
    ['one large file on a slow machine', { ...slow, files: [1000 * MB] }],
    ['tiny files, then a large one', { ...MACHINE, files: [...times(20_000, 150), 600 * MB] }],
    ['a large file, then tiny ones', { ...MACHINE, files: [600 * MB, ...times(20_000, 150)] }],
    ['files of 10 kB', { ...MACHINE, files: times(20_000, 10 * KB) }],
    ['documents that are slow to read', { ...MACHINE, readMegabyte: 3, files: times(200, 500 * KB) }],
  ])('%s', (_, course) => {
    const all = courseOf(course);
    const end = all.at(-1)!.at;
    expect(end).toBeGreaterThan(15);
    const said = all.filter(({ at }) => at >= end / 3 && at <= 0.9 * end);
    const ratios = said.map(({ at, told }) => told.secondsLeft! / (end - at));
    expect(Math.min(...ratios)).toBeGreaterThan(0.5);
    expect(Math.max(...ratios)).toBeLessThan(2);
    const fractions = all.map(({ told }) => told.fraction!);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });
});
