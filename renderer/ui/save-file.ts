/** Lets the browser save a file, as if it had been a link to it. */
export function saveFile(fileName: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName;
  link.click();
  // The download has taken its own hold of the content by the next turn.
  setTimeout(() => URL.revokeObjectURL(address));
}

/** A name that every file system takes, from a title. */
export function fileNameOf(title: string, ending: string): string {
  const name = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);
  return `${name || 'strata'}.${ending}`;
}
