import { expect, it } from 'vitest';
import { ImportMeter, type ImportProgress } from '../../main/datasets/import/import-meter.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

it('tells the part that is done by what was read of the disk, and the time that is left', async () => {
  await folder.write('a.txt', 'x'.repeat(3000));
  await folder.write('b/c.txt', 'x'.repeat(1000));
  const told: ImportProgress[] = [];
  let now = 0;
  const meter = new ImportMeter(
    (progress) => told.push(progress),
    () => now,
  );
  meter.tell({ activity: 'Reading' });
  expect(told.at(-1)).toMatchObject({ fraction: null, files: null, secondsLeft: null });
  await meter.measure([folder.path]);
  expect(told.at(-1)).toMatchObject({ fraction: 0, files: 2 });
  const at = (seconds: number): ImportProgress => {
    now = seconds;
    meter.tell({});
    return told.at(-1)!;
  };
  meter.sources.onDiskFile!('a.txt', 3000);
  meter.sources.onDiskBytes!(1000);
  const quarter = at(5);
  meter.sources.onDiskBytes!(9000); // read twice, or more than it had
  const most = at(15);
  expect(most.fraction! / quarter.fraction!).toBeCloseTo(3, 10);
  expect(most.secondsLeft).toBeCloseTo((15 * (1 - most.fraction!)) / most.fraction!, 6);
  meter.sources.onDiskFile!('c.txt', 1000);
  meter.sources.onDiskBytes!(1000);
  const read = at(20);
  meter.reach('cleaning', 0);
  expect(at(20).fraction).toBeCloseTo(read.fraction!, 10);
  meter.reach('cleaning', 0.5);
  const half = at(40);
  meter.reach('writing', 1);
  expect(half.fraction).toBeGreaterThan(read.fraction!);
  expect(at(50)).toMatchObject({ fraction: 1, secondsLeft: 0 });
});
