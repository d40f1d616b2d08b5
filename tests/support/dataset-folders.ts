import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A dataset folder with exactly these documents and parts; returns what comparisons take. */
export async function writeDataset(
  parent: string,
  name: string,
  parts: { training: readonly string[]; heldOut: readonly string[] },
): Promise<{ id: string; name: string; directory: string }> {
  const directory = join(parent, name);
  await mkdir(directory, { recursive: true });
  // Held-out documents stand among the others: places must count both parts.
  const documents = [
    ...parts.training.slice(0, 1).map((text) => ({ text, heldOut: false })),
    ...parts.heldOut.map((text) => ({ text, heldOut: true })),
    ...parts.training.slice(1).map((text) => ({ text, heldOut: false })),
  ];
  const lines = documents.map((document) => JSON.stringify(document) + '\n').join('');
  await writeFile(join(directory, 'documents.jsonl'), lines);
  const manifest = {
    schemaVersion: 1,
    name,
    documents: documents.length,
    heldOutDocuments: parts.heldOut.length,
    duplicates: 0,
    bytes: documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    hash: createHash('sha256').update(lines).digest('hex'),
    source: `/texts/${name}.jsonl`,
    files: [],
  };
  await writeFile(join(directory, 'dataset.json'), JSON.stringify(manifest));
  return { id: `${name}-id`, name, directory };
}
