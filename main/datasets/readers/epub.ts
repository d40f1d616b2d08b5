import { posix } from 'node:path';
import { DOMParser } from 'linkedom';
import { diskFile } from '../sources/disk-file.ts';
import { explain } from '../sources/explain.ts';
import { membersOfZip } from '../sources/zip-archive.ts';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { wholeTextOf } from './encoding.ts';
import { htmlToText, MAX_HTML_BYTES } from './html-text.ts';
import type { Note, Reader } from './reader.ts';
import { sectionsOf } from './sections.ts';
import { wholeBytes } from './whole.ts';

/** The chapters of a book in reading order (its spine), each cut into sections. */
export const readEpub: Reader = async function* (file, note) {
  const { path, release } = await file.onDisk();
  try {
    const members = await membersOf(path);
    const packagePath = attribute(await xmlOf(members, 'META-INF/container.xml', note), 'rootfile', 'full-path');
    if (!packagePath) throw new UnreadableFile('It does not name its table of contents: it is not an intact EPUB.');
    const book = await xmlOf(members, packagePath, note);
    const title = elementsOf(book, 'title')[0]?.textContent?.trim();
    const locked = await lockedMembers(members, note);
    for (const chapter of chaptersOf(book, packagePath)) {
      if (locked.has(chapter)) throw new UnreadableFile('It is protected against copying (DRM); it cannot be read.');
      const text = htmlToText(await textOfMember(members, chapter, note));
      for (const section of sectionsOf(text)) yield { kind: 'text', text: section, ...(title && { title }) };
    }
  } catch (error) {
    throw explain(error, (message) => `It is not an intact EPUB (${message}).`);
  } finally {
    await release();
  }
};

type Members = ReadonlyMap<string, SourceFile>;

async function membersOf(path: string): Promise<Members> {
  const members = new Map<string, SourceFile>();
  for await (const found of membersOfZip(diskFile(path)))
    if (found.kind === 'file') members.set(found.path.slice(path.length + 1), found.file);
  return members;
}

async function textOfMember(members: Members, name: string, note: Note): Promise<string> {
  const member = members.get(name);
  if (!member) throw new UnreadableFile(`It lacks ${name}, which its table of contents names.`);
  return wholeTextOf(await wholeBytes(member, MAX_HTML_BYTES, 'a book with a chapter'), note);
}

type Xml = ReturnType<DOMParser['parseFromString']>;

/** What is used of an element; the project has no types of a browser's pages. */
interface XmlElement {
  tagName: string;
  textContent: string | null;
  getAttribute(name: string): string | null;
}

async function xmlOf(members: Members, name: string, note: Note): Promise<Xml> {
  return new DOMParser().parseFromString(await textOfMember(members, name, note), 'text/xml');
}

/** Elements of this name, whatever the prefix of their namespace. */
function elementsOf(xml: Xml, name: string): XmlElement[] {
  const all = [...xml.querySelectorAll('*')] as unknown as XmlElement[];
  return all.filter(({ tagName }) => tagName.toLowerCase().replace(/^.*:/, '') === name);
}

function attribute(xml: Xml, element: string, name: string): string | null {
  return elementsOf(xml, element)[0]?.getAttribute(name) ?? null;
}

/** Paths of the chapters in the archive, in the order of the spine. */
function chaptersOf(book: Xml, packagePath: string): string[] {
  const items = new Map(elementsOf(book, 'item').map((item) => [item.getAttribute('id'), item]));
  const chapters: string[] = [];
  for (const reference of elementsOf(book, 'itemref')) {
    const id = reference.getAttribute('idref');
    const item = items.get(id);
    const address = item?.getAttribute('href');
    if (!address) throw new UnreadableFile(`Its spine names ${id ?? 'nothing'}, which it does not describe.`);
    if (/html|xml/i.test(item?.getAttribute('media-type') ?? 'html')) chapters.push(memberAt(address, packagePath));
  }
  if (chapters.length === 0) throw new UnreadableFile('There is no chapter in it.');
  return chapters;
}

/** The member that an address in the table of contents means. */
function memberAt(address: string, packagePath: string): string {
  return posix.join(posix.dirname(packagePath), decodeURIComponent(address.replace(/#.*$/, '')));
}

/** Members that only the shop's own program can open; encrypted fonts do not matter here. */
async function lockedMembers(members: Members, note: Note): Promise<ReadonlySet<string>> {
  if (!members.has('META-INF/encryption.xml')) return new Set();
  const references = elementsOf(await xmlOf(members, 'META-INF/encryption.xml', note), 'cipherreference');
  return new Set(references.map((each) => decodeURIComponent(each.getAttribute('URI') ?? '')));
}
