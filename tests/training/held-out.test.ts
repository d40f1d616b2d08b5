import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenShard, type TokenShard, writeTokenShard } from '../../main/datasets/token-shard.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { measureLoss } from '../../main/training/evaluation.ts';
import { HeldOut, type MeasuredPart } from '../../main/training/held-out.ts';
import { outcomeErrors } from '../../main/training/outcome-errors.ts';
import { estimateRatio } from '../../shared/domain/statistics.ts';
import { fastEngine } from '../support/engines.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { randomIds, randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

const folder = useTemporaryFolder();
const CONTEXT = 8;

async function shardOf(name: string, documents: readonly Int32Array[]): Promise<TokenShard> {
  const path = join(folder.path, `${name}.tokens`);
  const encoded = async function* (): AsyncGenerator<{ ids: number[] }> {
    for (const ids of documents) yield { ids: [...ids] };
  };
  await writeTokenShard(path, encoded(), tinyConfig.vocabularySize);
  return openTokenShard(path);
}

const documentsOf = (seed: number, lengths: readonly number[]): Int32Array[] =>
  lengths.map((length, index) => randomIds(tinyConfig, length, 100 * seed + index));
const documents = {
  code: documentsOf(1, [5, 12, 3, 20, 1, 9]),
  law: documentsOf(2, [30, 6, 8]),
  tales: documentsOf(3, [11, 7]),
};
/** Every id stands for as many bytes as its last digit says, but for 0, which is special. */
const byteLength = (id: number): number => id % 10;

async function withHeldOut(
  evaluation: { tokens: number; tokensAtEnds?: number },
  act: (heldOut: HeldOut, parts: MeasuredPart[]) => Promise<void>,
): Promise<void> {
  const parts: MeasuredPart[] = [];
  for (const [name, role] of [
    ['code', 'new'],
    ['law', 'old'],
    ['tales', 'past'],
  ] as const) {
    parts.push({ datasetId: name, name, hash: `hash of ${name}`, role, heldOut: await shardOf(name, documents[name]) });
  }
  await act(new HeldOut(parts, { context: CONTEXT, evaluation: { everySteps: 1, ...evaluation } }, byteLength), parts);
  for (const { heldOut } of parts) await heldOut.close();
}

const engine = await loadEngine(fastEngine, engineDirectory());
const [model, base] = await Promise.all(
  [1, 2].map((seed) => loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, seed)) })),
);

/** Loss and drift of each token of a sequence cut into windows: the mean of a window up to it, less that up to the one before. */
async function plainScores(tokens: number[]): Promise<{ loss: number; drift: number }[]> {
  const scores: { loss: number; drift: number }[] = [];
  for (let start = 0; start < tokens.length; start += CONTEXT) {
    const window = Int32Array.from(tokens.slice(start, start + CONTEXT));
    let [loss, drift] = [0, 0];
    scores.push({ loss: NaN, drift: NaN });
    for (let end = 2; end <= window.length; end++) {
      const mean = await measureLoss(engine, model!, [{ tokens: window.slice(0, end) }], base!);
      scores.push({ loss: mean.loss * mean.tokens - loss, drift: mean.drift * mean.tokens - drift });
      [loss, drift] = [mean.loss * mean.tokens, mean.drift * mean.tokens];
    }
  }
  return scores;
}

describe('held-out text', () => {
  it('is measured dataset by dataset and document by document, as token by token', async () => {
    await withHeldOut({ tokens: 1e6 }, async (heldOut) => {
      const { watched, whole } = await heldOut.whole(engine, model!, () => base!);
      expect(watched).toBe(whole);
      expect(whole.evaluation.datasets!.map(({ datasetId, role }) => [datasetId, role])).toEqual([
        ['code', 'new'],
        ['law', 'old'],
        ['tales', 'past'],
      ]);
      for (const name of ['code', 'law', 'tales'] as const) {
        const tokens = documents[name].flatMap((ids) => [...ids]);
        const of = documents[name].flatMap((ids, document) => [...ids].map(() => document));
        const scores = await plainScores(tokens);
        const scored = tokens.flatMap((_, index) => (index % CONTEXT === 0 ? [] : [index]));
        const numbers = [...new Set(scored.map((index) => of[index]!))];
        const sum = (value: (index: number) => number): number[] =>
          numbers.map((document) => scored.filter((index) => of[index] === document).reduce((total, index) => total + value(index), 0));
        const wanted = { tokens: sum(() => 1), losses: sum((index) => scores[index]!.loss), drifts: sum((index) => scores[index]!.drift) };
        const sums = whole.documents.find(({ datasetId }) => datasetId === name)!;
        expect(sums.tokens).toEqual(wanted.tokens);
        for (const [place, loss] of wanted.losses.entries()) {
          expect(sums.losses[place]).toBeCloseTo(loss, 3);
          expect(sums.drifts![place]).toBeCloseTo(wanted.drifts[place]!, 3);
        }
        const measure = whole.evaluation.datasets!.find(({ datasetId }) => datasetId === name)!;
        const bytes = scored.reduce((total, index) => total + byteLength(tokens[index]!), 0);
        expect(measure).toMatchObject({ tokens: scored.length, bytes, documents: numbers.length, coverage: 1 });
        const nats = sums.losses.reduce((total, loss) => total + loss, 0);
        expect(measure.loss.value).toBeCloseTo(nats / scored.length, 10);
        expect(measure.loss.error).toBe(estimateRatio({ sums: sums.losses, weights: sums.tokens }).error);
        expect(measure.bitsPerByte!.value).toBeCloseTo(nats / Math.log(2) / bytes, 10);
        const { unshifted, marginal, shifted } = measure.shift!;
        expect(unshifted + marginal + shifted).toBeCloseTo(1, 12);
        expect(measure.agreement!.value).toBe(unshifted);
      }
    });
  });

  it('is measured in part on the way, and at the ends that part and the whole', async () => {
    await withHeldOut({ tokens: 2 * CONTEXT, tokensAtEnds: 1e6 }, async (heldOut) => {
      const { watched, whole } = await heldOut.whole(engine, model!, () => base!);
      const again = await heldOut.watch(engine, model!, () => base!);
      expect(again).toEqual(watched);
      const [part, all] = [watched, whole].map(({ evaluation }) => evaluation.datasets![0]!);
      expect(part).toMatchObject({ tokens: 2 * (CONTEXT - 1), coverage: (2 * CONTEXT) / 50 });
      expect(all!.coverage).toBe(1);
      expect(whole.documents[0]!.tokens.length).toBeGreaterThan(watched.documents[0]!.tokens.length);
    });
  });

  it('has what is new, old and drifted in the totals of its roles, past data apart', async () => {
    await withHeldOut({ tokens: 1e6 }, async (heldOut, parts) => {
      const { evaluation } = await heldOut.watch(engine, model!, (role) => (role === 'new' ? null : base!));
      const [code, law, tales] = evaluation.datasets!;
      expect(evaluation.new).toMatchObject({ loss: code!.loss.value, tokens: code!.tokens });
      expect(evaluation.old).toMatchObject({ loss: law!.loss.value, tokens: law!.tokens });
      expect(evaluation.drift).toBe(law!.drift!.value);
      expect([code!.drift, code!.shift, code!.agreement]).toEqual([null, null, null]);
      expect(tales!.drift!.value).toBeGreaterThan(0);
      const alone = new HeldOut(parts.slice(0, 1), { context: CONTEXT, evaluation: { everySteps: 1, tokens: 1e6 } }, byteLength);
      expect((await alone.watch(engine, model!, () => null)).evaluation).toMatchObject({ old: null, drift: null });
    });
  });

  it('that stands for no byte has no bits per byte', async () => {
    await withHeldOut({ tokens: 1e6 }, async (_, parts) => {
      const special = new HeldOut(parts, { context: CONTEXT, evaluation: { everySteps: 1, tokens: 1e6 } }, () => 0);
      const { evaluation } = await special.watch(engine, model!, () => null);
      expect(evaluation.datasets!.map(({ bitsPerByte, bytes }) => [bitsPerByte, bytes])).toEqual(new Array(3).fill([null, 0]));
    });
  });
});

describe('the errors of gain and forgetting', () => {
  const datasets = [
    { id: 'code', name: 'code', role: 'new' as const, hash: '' },
    { id: 'law', name: 'law', role: 'old' as const, hash: '' },
  ];
  const sums = (datasetId: string, losses: number[]): Parameters<typeof outcomeErrors>[1][number] => ({
    ...{ datasetId, losses, drifts: null },
    tokens: losses.map(() => 10),
  });

  it('are those of the documents measured twice: 0 where all change alike', () => {
    const before = [sums('code', [10, 50, 30]), sums('law', [20, 25, 70])];
    const after = [sums('code', [5, 45, 25]), sums('law', [25, 20, 90])];
    const { gainError, forgettingError } = outcomeErrors({ datasets }, before, after);
    expect(gainError).toBeCloseTo(0, 12);
    expect(forgettingError).toBeGreaterThan(0.1);
  });

  it('are not known without the same documents at both ends', () => {
    const after = [sums('code', [5, 45, 25])];
    expect(outcomeErrors({ datasets }, [], after)).toEqual({ gainError: null, forgettingError: null });
    expect(outcomeErrors({ datasets }, [sums('code', [5, 45])], after).gainError).toBeNull();
  });
});

it('models are freed', () => {
  disposeLlama(model!);
  disposeLlama(base!);
});
