/** What a member of an archive is called, judged before anything of it is read. */

/** Why a member's name is refused; null for one that stays inside its archive. Nothing is ever written under such a name, but it hides what it is. */
export function refusalOfName(name: string): string | null {
  if (name === '' || name.includes('\0')) return 'It has no valid name in the archive; it is not read.';
  if (/^([/\\]|[A-Za-z]:)/.test(name)) return 'Its name is an absolute path, which may not be in an archive; it is not read.';
  if (name.split(/[/\\]/).includes('..')) return 'Its name leads out of the archive; it is not read.';
  return null;
}

/** Hidden members, and the folder in which macOS keeps a second, unreadable copy of every name. */
export function isHidden(name: string): boolean {
  return name.split('/').some((part) => (part.startsWith('.') && part !== '.') || part === '__MACOSX');
}

export const LINK_REFUSAL = 'It is a link; links in archives are not followed.';
export const SPECIAL_REFUSAL = 'It is not an ordinary file but a pipe or a device.';
