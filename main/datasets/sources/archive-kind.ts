/** The archive that a name without compression endings tells; null for a single file. */
export function archiveOf(name: string): 'zip' | 'tar' | null {
  if (/\.zip$/i.test(name)) return 'zip';
  return /\.tar$/i.test(name) ? 'tar' : null;
}
