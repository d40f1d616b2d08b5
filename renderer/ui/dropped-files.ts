/**
 * The files of a drop, folders gone through. Relative paths are kept in `webkitRelativePath`, which a browser leaves empty for drops.
 * @param onFound is called with the number of files found so far: a folder of many thousands takes a while.
 * @throws AbortError where the signal says so.
 */
export async function filesOfDrop(
  transfer: DataTransfer,
  onFound: (files: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<File[]> {
  // Entries must be taken before the first await: the transfer is emptied after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  const files: File[] = [];
  const take = (file: File): void => {
    signal?.throwIfAborted();
    onFound(files.push(file));
  };
  for (const entry of entries) await collect(entry, '', take);
  return files;
}

async function collect(entry: FileSystemEntry, folder: string, take: (file: File) => void): Promise<void> {
  const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    if (folder !== '') Object.defineProperty(file, 'webkitRelativePath', { value: path });
    take(file);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives at most a hundred entries at a time and an empty list at the end.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) if (!child.name.startsWith('.')) await collect(child, path, take);
  }
}
