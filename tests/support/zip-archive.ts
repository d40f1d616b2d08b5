import JSZip from 'jszip';

/** A zip archive of these members. */
export function zipOf(members: Readonly<Record<string, string | Uint8Array>>, isPacked = true): Promise<Buffer> {
  const zip = new JSZip();
  for (const [name, content] of Object.entries(members)) zip.file(name, content, { createFolders: false });
  return zip.generateAsync({ type: 'nodebuffer', compression: isPacked ? 'DEFLATE' : 'STORE' });
}

/** The same archive with a name replaced by one of the same length, wherever it stands: libraries refuse to write hostile names. */
export function renamed(zip: Buffer, from: string, to: string): Buffer {
  if (from.length !== to.length) throw new Error(`"${from}" and "${to}" differ in length`);
  return Buffer.from(zip.toString('latin1').replaceAll(from, to), 'latin1');
}
