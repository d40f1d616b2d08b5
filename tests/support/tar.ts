import { type Header, pack } from 'tar-stream';

/** A tar archive of these members, made by the library's other half. */
export async function tarOf(members: readonly (Partial<Header> & { name: string; content?: string | Uint8Array })[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = '', ...header } of members) {
    const bytes = Buffer.from(content);
    if (header.type && header.type !== 'file') archive.entry(header);
    else archive.entry(header, bytes);
  }
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts);
}
