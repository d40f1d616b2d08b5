import { type DataCheckReport, type Leak, summariseCheck } from '../../shared/domain/data-check.ts';
import { distanceMeaning, type DistanceReport, type DistanceSide, recommendReplay } from '../../shared/domain/distance.ts';
import { bytes, count, fields, percent, table } from './format.ts';
import { STRATA } from './report.ts';
import type { Session } from './session.ts';

/** Lines of a list that are shown; --json has more. */
const SHOWN_LEAKS = 20;
const SHOWN_DOCUMENTS = 12;

/** A check in words: overlap, what leaks, and what to do. */
export function describeCheck(report: DataCheckReport): string {
  const nameOf = new Map(report.datasets.map(({ id, name }) => [id, name]));
  const parts: string[] = [];
  if (report.overlaps.length > 0) {
    parts.push(
      table(
        ['of', 'also in', 'documents', 'whole', 'overlapping', 'share', 'of 13-grams'],
        report.overlaps.map((each) => [
          nameOf.get(each.dataset)!,
          nameOf.get(each.other)!,
          `${count(each.documents)}${each.isSample ? ' sampled' : ''}`,
          count(each.whole),
          count(each.overlapping),
          percent(each.share),
          percent(each.shareOfGrams),
        ]),
      ),
    );
  }
  parts.push(
    table(
      ['measured on', 'part', 'texts', 'in training parts', 'too short to look for inside'],
      report.measured.map(({ name, part, items, leaked, short }) => [name, part, count(items), count(leaked), count(short)]),
    ),
    [summariseCheck(report), ...report.leaks.slice(0, SHOWN_LEAKS).map(describeLeak)].join('\n'),
  );
  if (report.leakCount > SHOWN_LEAKS) parts.push(`and ${count(report.leakCount - SHOWN_LEAKS)} more pairs.`);
  for (const { name, documents } of report.drop) {
    parts.push(`Leave out of ${name}: ${listed(documents)}`);
  }
  if (report.drop.length > 0) parts.push(`The same command with --drop makes versions without them.`);
  return parts.join('\n\n');
}

function describeLeak({ item, training, shared, of, isWhole, excerpt }: Leak): string {
  const much = isWhole ? 'whole' : `${count(shared)} of ${count(of)} 13-grams`;
  return `  ${item.name} ${item.document} (${item.part}) in ${training.name} ${training.document}, ${much}: ${excerpt}`;
}

function listed(documents: readonly number[]): string {
  const shown = documents.slice(0, SHOWN_DOCUMENTS).join(', ');
  return documents.length > SHOWN_DOCUMENTS ? `${shown} and ${count(documents.length - SHOWN_DOCUMENTS)} more` : shown;
}

/** A distance in words: each measure, what it says and does not, the nearest old documents, and the replay share to begin with. */
export function describeDistance(report: DistanceReport): string {
  const { ngrams, vocabulary, lossGap, nearest } = report;
  const recommended = recommendReplay(report);
  const meaning = ({ predicts, doesNot }: { predicts: string; doesNot: string }): string => `  ${predicts}\n  ${doesNot}`;
  const parts = [
    fields([
      ['New', describeSide(report.new)],
      ['Old', describeSide(report.old)],
      ['Compared', `${count(report.wordsCompared)} words of each half, seed ${report.seed}`],
    ]),
    table(
      ['words', 'divergence', 'floor new', 'floor old', 'above the floor'],
      ngrams.map(({ n, divergence, floor, excess }) => [
        String(n),
        divergence.toFixed(3),
        floor.new.toFixed(3),
        floor.old.toFixed(3),
        percent(Math.round(1000 * excess) / 1000),
      ]),
    ) + `\n${meaning(distanceMeaning('ngrams'))}`,
    `Vocabulary: ${shareOf(vocabulary.shared)} of the ${count(vocabulary.words)} most frequent words are in both; of halves of the new ` +
      `${shareOf(vocabulary.ceiling.new)}, of the old ${shareOf(vocabulary.ceiling.old)}.\n${meaning(distanceMeaning('vocabulary'))}`,
  ];
  if (lossGap) {
    const error = (value: number | null): string => (value === null ? '' : ` ± ${value.toFixed(3)}`);
    const side = (each: typeof lossGap.new): string =>
      `${each.bitsPerByte.toFixed(3)}${error(each.standardError)} on ${count(each.tokens)} tokens of ${count(each.documents)} documents`;
    parts.push(
      `Loss of ${lossGap.model.name} in bits per byte: new ${side(lossGap.new)}, old ${side(lossGap.old)}; ` +
        `gap ${lossGap.gap.toFixed(3)}${error(lossGap.standardError)} (standard errors).\n${meaning(distanceMeaning('lossGap'))}`,
    );
  }
  if (nearest.length > 0) {
    parts.push(
      'Old documents nearest to the new data:\n' +
        nearest
          .map(
            ({ name, document, similarity, excerpt }) =>
              `  ${similarity.toFixed(3)}  ${name} ${document}: ${excerpt.replace(/\s+/g, ' ').slice(0, 80)}`,
          )
          .join('\n') +
        `\n${meaning(distanceMeaning('nearest'))}`,
    );
  }
  parts.push(`Replay share to begin with: ${percent(recommended.replayShare)}. ${recommended.reason}`);
  return parts.join('\n\n');
}

function shareOf(share: number): string {
  return percent(Math.round(1000 * share) / 1000);
}

function describeSide({ datasets, documents, words, bytes: size, isSample }: DistanceSide): string {
  const names = datasets.map(({ name }) => name).join(', ');
  return `${names}: ${isSample ? 'a sample of ' : ''}${count(documents)} documents, ${count(words)} words, ${bytes(size)}`;
}

/** What is being done: one line that updates itself on a terminal, a line for each new activity elsewhere. */
export function showsActivity(session: Session): {
  onProgress: (progress: { activity: string; done?: number | null; of?: number | null }) => void;
  end: () => void;
} {
  const isTerminal = process.stdout.isTTY && !session.isJson;
  let shown = '';
  return {
    onProgress: ({ activity, done = null, of = null }) => {
      const share = done === null || of === null || of === 0 ? '' : `${Math.floor((100 * done) / of)} %  `;
      if (isTerminal) process.stdout.write(`\r\x1b[2K${share}${activity}`);
      else if (activity !== shown) session.say(activity);
      shown = activity;
    },
    end: () => void (isTerminal && process.stdout.write('\r\x1b[2K')),
  };
}

/** How to look at a dataset that was just made. */
export function describeDropped({ id, name, documents }: { id: string; name: string; documents: number }): string {
  return `Made ${name} (${id}) with ${count(documents)} documents. Look at it: ${STRATA} data show ${id}`;
}
