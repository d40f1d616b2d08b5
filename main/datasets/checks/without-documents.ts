import { StrataError } from '../../../shared/errors.ts';
import { openDataset } from '../dataset-folder.ts';
import { type DatasetManifest, readManifest } from '../dataset-manifest.ts';
import { type NewDocument, writeDataset } from '../write-dataset.ts';

/**
 * A new dataset folder with the documents of another, in their order and with their split, but without those at the given places (counted from
 * 0 through both parts): its next version. It appears under its name only when it is complete; the other folder is not touched.
 * @param about what it is called, where it comes from, and the id of the other.
 * @throws StrataError BAD_INPUT when a place does not exist, or when nothing would be left to train or to measure on.
 */
export async function withoutDocuments(
  source: string,
  destination: string,
  dropped: readonly number[],
  about: { name: string; source: string; parent: string },
): Promise<DatasetManifest> {
  const manifest = await readManifest(source);
  const places = new Set(dropped);
  refuseUnknown(places, manifest.documents);
  await refuseEmptyPart(source, places, manifest);
  return writeDataset(destination, documentsWithout(source, places), () => ({
    ...manifest,
    ...about,
    sampleOf: null,
    version: manifest.version + 1,
  }));
}

function refuseUnknown(places: ReadonlySet<number>, documents: number): void {
  const unknown = [...places].find((place) => !Number.isInteger(place) || place < 0 || place >= documents);
  if (unknown === undefined && places.size > 0) return;
  throw new StrataError('BAD_INPUT', 'These documents cannot be left out.', {
    found: unknown === undefined ? 'none is named' : `document ${unknown}`,
    allowed: `numbers of documents from 0 to ${documents - 1}`,
    hint: 'A check lists them: run it again on this version of the dataset.',
  });
}

async function refuseEmptyPart(source: string, places: ReadonlySet<number>, manifest: DatasetManifest): Promise<void> {
  const folder = await openDataset(source);
  let heldOut = 0;
  for (const place of places) if ((await folder.document(place))!.heldOut) heldOut++;
  const isNothingToMeasure = heldOut === manifest.heldOutDocuments;
  const isNothingToTrain = places.size - heldOut === manifest.documents - manifest.heldOutDocuments;
  if (!isNothingToMeasure && !isNothingToTrain) return;
  throw new StrataError('BAD_INPUT', `Nothing would be left to ${isNothingToMeasure ? 'measure' : 'train'} on.`, {
    found: `${places.size} of ${manifest.documents} documents to leave out`,
    allowed: 'at least one document of the training part and one of the held-out part stay',
    hint: 'Do without this dataset, or take other evaluation data.',
  });
}

async function* documentsWithout(source: string, places: ReadonlySet<number>): AsyncGenerator<NewDocument> {
  let place = 0;
  for await (const { content, heldOut, file } of (await openDataset(source)).documents()) {
    if (!places.has(place++)) yield { content, heldOut, file: file ?? 0 };
  }
}
