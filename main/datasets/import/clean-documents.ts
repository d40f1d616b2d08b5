import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { CleaningReport, CleaningSettings } from '../../../shared/domain/cleaning.ts';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { Cleaner, cleaned } from '../cleaning/cleaner.ts';
import { StepRecorder } from '../cleaning/step-recorder.ts';
import { Clusters } from '../duplicates/clusters.ts';
import { NearDuplicates } from '../duplicates/near-duplicates.ts';
import { signatureOf } from '../duplicates/signature.ts';
import { textKeyOf, TextKeys } from '../duplicates/text-keys.ts';
import { linesOf } from '../lines.ts';
import { writeAt } from '../write-at.ts';
import type { CollectedDocument } from './collect-documents.ts';
import { Column } from './column.ts';

export interface CleanDocuments {
  /** Documents that stay, and those left out because another says the same. */
  kept: number;
  duplicates: number;
  /** The latter by file. */
  duplicatesByFile: ReadonlyMap<number, number>;
  /** Of those that stay: bytes of UTF-8, the key of the split, the cluster. */
  bytes: Float64Array;
  keys: Float64Array;
  clusters: Float64Array;
  report: CleaningReport;
  /** The documents that stay, in their order. */
  read(): AsyncIterable<CollectedDocument>;
}

/** Documents are written in pieces of about this many bytes. */
const CHUNK_BYTES = 1 << 20;

/**
 * Cleans collected documents into a file and finds copies among what is left: exact ones by the key of their text, near ones by their signatures.
 * In memory is, of each document, a key, a signature and a few numbers: about 350 bytes.
 */
export async function cleanDocuments(
  collected: () => AsyncIterable<CollectedDocument>,
  settings: CleaningSettings,
  path: string,
  onDocument: (documents: number) => void,
): Promise<CleanDocuments> {
  const cleaner = await Cleaner.create(settings);
  const exact = new StepRecorder('exactDuplicates');
  const near = settings.nearDuplicates === 'off' ? null : new NearDuplicates();
  const first = new TextKeys();
  const joined: [number, number][] = [];
  const [bytes, keys, characters] = [new Column(), new Column(), new Column()];
  let documents = 0;
  const duplicatesByFile = new Map<number, number>();
  const noteCopy = (file: number): void => void duplicatesByFile.set(file, (duplicatesByFile.get(file) ?? 0) + 1);
  let exactCopies = 0;
  let seen = 0;
  const output = await open(path, 'w');
  let end = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(pending);
    [pending, pendingBytes] = [[], 0];
    await writeAt(output, piece, end);
    end += piece.length;
  };
  try {
    for await (const document of cleaned(collected, cleaner)) {
      onDocument(++seen);
      const text = plainTextOf(document.content);
      const key = textKeyOf(text);
      const twin = first.firstWith(key, documents);
      if (twin !== documents && settings.exactDuplicates === 'remove') {
        exact.removed(document.where, text.length, text);
        exactCopies++;
        noteCopy(document.file);
        continue;
      }
      if (twin !== documents) joined.push([twin, documents]);
      exact.keptAs(text.length);
      near?.add(signatureOf(text));
      bytes.push(Buffer.byteLength(text));
      characters.push(text.length);
      keys.push(key[0]! * 2 ** 16 + (key[1]! >>> 16)); // its first 48 bits
      documents++;
      const line = Buffer.from(JSON.stringify(document) + '\n');
      pending.push(line);
      pendingBytes += line.length;
      if (pendingBytes >= CHUNK_BYTES) await flush();
    }
    await flush();
  } finally {
    await output.close();
  }
  const clusters = near?.clusters(settings.similarity) ?? new Clusters(documents);
  for (const [one, other] of joined) clusters.join(one, other);
  const isRemoved = new Uint8Array(documents);
  if (settings.nearDuplicates === 'remove') {
    const representatives = clusters.representatives(characters.values());
    for (let document = 0; document < documents; document++) if (representatives[document] !== document) isRemoved[document] = 1;
  }
  const nearRecorder = settings.nearDuplicates === 'remove' ? await recordNear(path, isRemoved, characters.values(), noteCopy) : null;
  const staying = Float64Array.from(Array.from(isRemoved.keys()).filter((document) => isRemoved[document] === 0));
  const report = cleaner.report();
  if (settings.exactDuplicates === 'remove') report.steps.push(exact.report());
  if (nearRecorder) report.steps.push(nearRecorder.report());
  return {
    kept: staying.length,
    duplicatesByFile,
    duplicates: exactCopies + (documents - staying.length),
    bytes: staying.map((document) => bytes.values()[document]!),
    keys: staying.map((document) => keys.values()[document]!),
    clusters: staying.map((document) => clusters.of(document)),
    report,
    read: () => readStaying(path, isRemoved),
  };
}

async function recordNear(
  path: string,
  isRemoved: Uint8Array,
  characters: Float64Array,
  noteCopy: (file: number) => void,
): Promise<StepRecorder> {
  const recorder = new StepRecorder('nearDuplicates');
  if (!isRemoved.includes(1)) {
    for (const length of characters) recorder.keptAs(length);
    return recorder;
  }
  let place = 0;
  for await (const document of readCleaned(path)) {
    const text = plainTextOf(document.content);
    if (isRemoved[place++] === 1) {
      recorder.removed(document.where, text.length, text);
      noteCopy(document.file);
    } else recorder.keptAs(text.length);
  }
  return recorder;
}

async function* readCleaned(path: string): AsyncGenerator<CollectedDocument> {
  for await (const line of linesOf(createReadStream(path) as AsyncIterable<Buffer>)) yield JSON.parse(line) as CollectedDocument;
}

async function* readStaying(path: string, isRemoved: Uint8Array): AsyncGenerator<CollectedDocument> {
  let place = 0;
  for await (const document of readCleaned(path)) if (isRemoved[place++] === 0) yield document;
}
