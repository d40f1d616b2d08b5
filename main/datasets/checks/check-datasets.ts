import type { DataCheckReport, Leak, Overlap } from '../../../shared/domain/data-check.ts';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { words } from '../../../shared/words/words.ts';
import { openDataset } from '../dataset-folder.ts';
import { readManifest } from '../dataset-manifest.ts';
import { GRAM_WORDS, GramIndex, LEAST_WORDS, type SharedText } from './gram-index.ts';
import { sampleDocuments } from './sample.ts';
import { WordCutter } from './words.ts';

export interface CheckedDataset {
  id: string;
  name: string;
  directory: string;
}

export interface CheckRequest {
  /** What a run would train on; none twice. */
  datasets: CheckedDataset[];
  /** What is measured on besides the held-out parts: a dataset's folder, or what a file says. */
  evaluations: (CheckedDataset | { file: string; name: string; texts: readonly string[] })[];
}

export interface CheckProgress {
  activity: string;
  /** Documents. */
  done: number;
  of: number;
}

export interface CheckLimits {
  /** Grams in memory at a time; with more the training parts are read again. */
  mostGrams: number;
  /** Bytes of all datasets together of which overlap is measured. */
  overlapBytes: number;
  mostListed: number;
}
const LIMITS: CheckLimits = { mostGrams: 3_000_000, overlapBytes: 8_000_000, mostListed: 200 };

/** A 13-gram in more training documents than these is a common phrase (Brown et al. 2020, appendix C). */
const COMMON_FROM = 10;
const OVERLAP_SEED = 20_240_113;
const MOST_EXCERPT_WORDS = 60;

/** What is looked for: one part of a dataset, or a file. */
interface Measured {
  source: string;
  name: string;
  part: 'held-out' | 'evaluation';
  texts(): AsyncIterable<{ document: number; text: string }>;
}

/**
 * How much datasets have in common, and which held-out or evaluation texts stand in training parts. Texts are compared as words (see words.ts) by
 * runs of 13; every match is verified on the words. Datasets are streamed; memory depends on the limits alone.
 */
export async function checkDatasets(
  { datasets, evaluations }: CheckRequest,
  onProgress: (progress: CheckProgress) => void = () => undefined,
  limits: Partial<CheckLimits> = {},
): Promise<DataCheckReport> {
  const started = performance.now();
  const check = new Check(datasets, { ...LIMITS, ...limits }, onProgress);
  await check.open();
  await check.findLeaks([...datasets.map(heldOutOf), ...evaluations.map(evaluationOf)]);
  await check.findOverlaps();
  return check.report((performance.now() - started) / 1000);
}

function heldOutOf({ id, name, directory }: CheckedDataset): Measured {
  return { source: id, name, part: 'held-out', texts: () => textsOf(directory, true) };
}

function evaluationOf(evaluation: CheckRequest['evaluations'][number]): Measured {
  return 'texts' in evaluation
    ? { source: evaluation.file, name: evaluation.name, part: 'evaluation', texts: () => numbered(evaluation.texts) }
    : { source: evaluation.id, name: evaluation.name, part: 'evaluation', texts: () => textsOf(evaluation.directory) };
}

async function* textsOf(directory: string, heldOut?: boolean): AsyncGenerator<{ document: number; text: string }> {
  let document = 0;
  for await (const each of (await openDataset(directory)).documents()) {
    if (heldOut === undefined || each.heldOut === heldOut) yield { document, text: plainTextOf(each.content) };
    document++;
  }
}

async function* numbered(texts: readonly string[]): AsyncGenerator<{ document: number; text: string }> {
  yield* await Promise.resolve(texts.map((text, document) => ({ document, text })));
}

/** An indexed item: of which source, and its place there. */
interface Item {
  measured: number;
  document: number;
}

class Check {
  readonly #datasets: readonly CheckedDataset[];
  readonly #limits: CheckLimits;
  readonly #onProgress: (progress: CheckProgress) => void;
  readonly #cutter = new WordCutter();
  #facts: DataCheckReport['datasets'] = [];
  /** Number of each dataset's first document, counted through all of them; one more for the end. */
  #firstDocuments: number[] = [];
  #measured: DataCheckReport['measured'] = [];
  #leaks: Leak[] = [];
  #leakCount = 0;
  #drop: Set<number>[] = [];
  #overlaps: Overlap[] = [];
  #done = 0;
  #of = 0;
  #toldAt = -Infinity;

  constructor(datasets: readonly CheckedDataset[], limits: CheckLimits, onProgress: (progress: CheckProgress) => void) {
    this.#datasets = datasets;
    this.#limits = limits;
    this.#onProgress = onProgress;
  }

  async open(): Promise<void> {
    let first = 0;
    for (const { id, name, directory } of this.#datasets) {
      const { documents, heldOutDocuments } = await readManifest(directory);
      this.#facts.push({ id, name, documents, heldOutDocuments });
      this.#firstDocuments.push(first);
      first += documents;
    }
    this.#firstDocuments.push(first);
    this.#drop = this.#datasets.map(() => new Set());
    this.#of = this.#datasets.length > 1 ? 2 * first : first;
  }

  /** Indexes what is measured on, as much as fits, and looks through the training parts; again while something is left. */
  async findLeaks(sources: readonly Measured[]): Promise<void> {
    this.#measured = sources.map(({ source, name, part }) => ({ source, name, part, items: 0, leaked: 0, short: 0 }));
    let index = new GramIndex({ mostDocuments: COMMON_FROM });
    let items: Item[] = [];
    for (const [measured, source] of sources.entries()) {
      this.#tell(source.part === 'held-out' ? words('said.readingHeldOut', source) : words('said.readingData', source), true);
      for await (const { document, text } of source.texts()) {
        const words = this.#cutter.cut(text);
        const row = this.#measured[measured]!;
        row.items++;
        if (words.count < LEAST_WORDS) row.short++;
        index.add(words);
        items.push({ measured, document });
        if (index.grams < this.#limits.mostGrams) continue;
        await this.#findIn(index, items);
        this.#of += this.#firstDocuments.at(-1)!; // they are read once more
        index = new GramIndex({ mostDocuments: COMMON_FROM });
        items = [];
      }
    }
    await this.#findIn(index, items);
  }

  async #findIn(index: GramIndex, items: readonly Item[]): Promise<void> {
    for (const [number, { directory, name }] of this.#datasets.entries()) {
      const first = this.#firstDocuments[number]!;
      let place = 0;
      for await (const document of (await openDataset(directory)).documents()) {
        this.#step(words('said.lookingThrough', { name }));
        if (!document.heldOut) index.scan(this.#cutter.cut(plainTextOf(document.content)), first + place);
        place++;
      }
    }
    const found = index.findings();
    const leakedItems = new Set<number>();
    const listed: SharedText[] = [];
    for (const shared of found) {
      const dataset = this.#datasetOf(shared.document);
      this.#drop[dataset]!.add(shared.document - this.#firstDocuments[dataset]!);
      if (!leakedItems.has(shared.item)) this.#measured[items[shared.item]!.measured]!.leaked++;
      leakedItems.add(shared.item);
      this.#leakCount++;
      listed.push(shared);
    }
    listed.sort((a, b) => Number(b.isWhole) - Number(a.isWhole) || b.positions.length - a.positions.length);
    for (const shared of listed.slice(0, this.#limits.mostListed)) this.#leaks.push(this.#describe(index, items[shared.item]!, shared));
    this.#leaks.sort((a, b) => Number(b.isWhole) - Number(a.isWhole) || b.shared - a.shared);
    this.#leaks.length = Math.min(this.#leaks.length, this.#limits.mostListed);
  }

  #describe(index: GramIndex, { measured, document }: Item, { item, positions, isWhole, document: training }: SharedText): Leak {
    const { source, name, part } = this.#measured[measured]!;
    const dataset = this.#datasetOf(training);
    const words = index.wordsOf(item);
    const of = Math.max(1, index.gramsOf(item));
    const run = isWhole ? { first: 0, words } : longestRun(positions, words);
    const shown = index.excerpt(item, run.first, Math.min(run.words, MOST_EXCERPT_WORDS));
    return {
      item: { source, name, part, document },
      training: {
        dataset: this.#datasets[dataset]!.id,
        name: this.#datasets[dataset]!.name,
        document: training - this.#firstDocuments[dataset]!,
      },
      shared: isWhole ? of : positions.length,
      of,
      isWhole,
      excerpt: run.words > MOST_EXCERPT_WORDS ? `${shown} …` : shown,
    };
  }

  /** Looks for a sample of each dataset's documents in all documents of the others. */
  async findOverlaps(): Promise<void> {
    if (this.#datasets.length < 2) return;
    const index = new GramIndex({ mostDocuments: this.#datasets.length });
    const owners: number[] = [];
    const mostBytes = this.#limits.overlapBytes / this.#datasets.length;
    for (const [dataset, { directory, name }] of this.#datasets.entries()) {
      this.#tell(words('said.readingData', { name }), true);
      for await (const { text } of sampleDocuments(directory, { mostBytes, seed: OVERLAP_SEED })) {
        index.add(this.#cutter.cut(text), dataset);
        owners.push(dataset);
      }
    }
    for (const [dataset, { directory, name }] of this.#datasets.entries()) {
      for await (const document of (await openDataset(directory)).documents()) {
        this.#step(words('said.comparingWith', { name }));
        index.scan(this.#cutter.cut(plainTextOf(document.content)), dataset); // all its documents as one
      }
    }
    this.#overlaps = overlapsOf(index, owners, this.#facts);
  }

  report(seconds: number): DataCheckReport {
    const drop = this.#datasets
      .map(({ id, name }, dataset) => ({ dataset: id, name, documents: [...this.#drop[dataset]!].sort((a, b) => a - b) }))
      .filter(({ documents }) => documents.length > 0);
    return {
      datasets: this.#facts,
      overlaps: this.#overlaps,
      measured: this.#measured,
      leaks: this.#leaks,
      leakCount: this.#leakCount,
      drop,
      seconds,
    };
  }

  #datasetOf(document: number): number {
    return this.#firstDocuments.findLastIndex((first, dataset) => dataset < this.#datasets.length && first <= document);
  }

  #step(activity: string): void {
    this.#done++;
    this.#tell(activity);
  }

  #tell(activity: string, isNew = false): void {
    const now = performance.now();
    if (!isNew && now - this.#toldAt < 100) return;
    this.#toldAt = now;
    this.#onProgress({ activity, done: this.#done, of: this.#of });
  }
}

/** The longest run of words that consecutive 13-grams cover. An item of fewer words has one gram, which is all of it. */
function longestRun(positions: readonly number[], words: number): { first: number; words: number } {
  let best = { first: positions[0]!, grams: 1 };
  let current = best;
  for (const [index, position] of positions.entries()) {
    if (index === 0) continue;
    current = position === positions[index - 1]! + 1 ? { first: current.first, grams: current.grams + 1 } : { first: position, grams: 1 };
    if (current.grams > best.grams) best = current;
  }
  return { first: best.first, words: Math.min(words, best.grams + GRAM_WORDS - 1) };
}

function overlapsOf(index: GramIndex, owners: readonly number[], facts: DataCheckReport['datasets']): Overlap[] {
  const sums = facts.map(() => facts.map(() => ({ whole: 0, overlapping: 0, grams: 0 })));
  for (const { item, document: other, positions, isWhole } of index.findings()) {
    const sum = sums[owners[item]!]![other]!;
    sum.overlapping++;
    if (isWhole) sum.whole++;
    sum.grams += positions.length;
  }
  const documents = facts.map((_, dataset) => owners.filter((owner) => owner === dataset).length);
  const grams = facts.map(() => 0);
  for (const [item, owner] of owners.entries()) grams[owner]! += index.gramsOf(item);
  return facts.flatMap(({ id, documents: all }, dataset) =>
    facts.flatMap((other, column) => {
      if (dataset === column) return [];
      const { whole, overlapping, grams: shared } = sums[dataset]![column]!;
      const looked = documents[dataset]!;
      return {
        dataset: id,
        other: other.id,
        documents: looked,
        isSample: looked < all,
        whole,
        overlapping,
        share: looked === 0 ? 0 : overlapping / looked,
        shareOfGrams: grams[dataset] === 0 ? 0 : shared / grams[dataset]!,
      };
    }),
  );
}
