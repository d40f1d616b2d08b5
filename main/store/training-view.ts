import type { DrawnWindows } from '../../shared/domain/run.ts';
import type { SamplePrompt, SamplesAtStep } from '../../shared/domain/text-samples.ts';
import type { Reader, Writer } from './open-store.ts';

/** What a run wrote on its way, and which windows it drew last. */

/** Takes the place of what was there: a resumed run says it again. */
export function writeSamplePrompts(writer: Writer, run: string, prompts: readonly SamplePrompt[]): void {
  writer.transaction(() => {
    writer.prepare('DELETE FROM samplePrompts WHERE run = ?').run(run);
    const statement = writer.prepare(
      `INSERT INTO samplePrompts (run, place, prompt, role, datasetId, goesOn, base)
        VALUES (@run, @place, @prompt, @role, @datasetId, @goesOn, @base)`,
    );
    for (const [place, prompt] of prompts.entries()) statement.run({ ...prompt, run, place });
  })();
}

/** The same step again has the same texts. */
export function insertSamples(writer: Writer, run: string, { step, texts }: SamplesAtStep): void {
  writer.prepare('INSERT OR REPLACE INTO samples (run, step, texts) VALUES (?, ?, ?)').run(run, step, JSON.stringify(texts));
}

export function listSamplePrompts(reader: Reader, run: string): SamplePrompt[] {
  return reader
    .prepare<[string], SamplePrompt>('SELECT prompt, role, datasetId, goesOn, base FROM samplePrompts WHERE run = ? ORDER BY place')
    .all(run);
}

/** After a step, in their order. */
export function listSamples(reader: Reader, run: string, afterStep: number): SamplesAtStep[] {
  return reader
    .prepare<[string, number], { step: number; texts: string }>('SELECT step, texts FROM samples WHERE run = ? AND step > ? ORDER BY step')
    .all(run, afterStep)
    .map(({ step, texts }) => ({ step, texts: JSON.parse(texts) as string[] }));
}

/** The step of the last samples up to one; null when there are none. */
export function lastSampledStep(reader: Reader, run: string, upToStep: number): number | null {
  return reader
    .prepare<[string, number], number | null>('SELECT max(step) FROM samples WHERE run = ? AND step <= ?')
    .pluck()
    .get(run, upToStep)!;
}

/** The present state; there is one of a run. */
export function writeDrawnWindows(writer: Writer, run: string, windows: DrawnWindows): void {
  writer.prepare('INSERT OR REPLACE INTO drawnWindows (run, windows) VALUES (?, ?)').run(run, JSON.stringify(windows));
}

/** Null before the first step, and of runs before version 170. */
export function findDrawnWindows(reader: Reader, run: string): DrawnWindows | null {
  const windows = reader.prepare<[string], string>('SELECT windows FROM drawnWindows WHERE run = ?').pluck().get(run);
  return windows === undefined ? null : (JSON.parse(windows) as DrawnWindows);
}
