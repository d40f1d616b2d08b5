import { StrataError } from '../../shared/errors.ts';
import { type CatalogueEntry, findInCatalogue } from '../models/catalogue/catalogue.ts';
import { downloadFolderName, type HubReference, parseHubReference } from '../models/hub/hub-reference.ts';

/** Where a model is fetched from. */
export type ModelSource = { kind: 'hub'; reference: HubReference } | { kind: 'catalogue'; entry: CatalogueEntry };

/** How sources are written: by a person on the command line, and in a download's folder. */
export const SOURCE_PREFIXES = ['hub:', 'catalogue:'] as const;

/**
 * Reads `hub:ORG/NAME[@REVISION]` or `catalogue:ID`.
 * @throws StrataError BAD_INPUT or NOT_FOUND, with what is allowed.
 */
export function parseModelSource(text: string): ModelSource {
  if (text.startsWith('hub:')) return { kind: 'hub', reference: parseHubReference(text.slice('hub:'.length)) };
  if (text.startsWith('catalogue:')) return { kind: 'catalogue', entry: findInCatalogue(text.slice('catalogue:'.length)) };
  throw new StrataError('BAD_INPUT', 'That is no place to fetch a model from.', {
    found: text,
    allowed: 'hub:ORG/NAME, hub:ORG/NAME@REVISION, or catalogue:ID',
    hint: 'strata model catalogue lists the models of the catalogue; others are named as on their hub.',
  });
}

/** As {@link parseModelSource} reads it, with the revision. */
export function writeModelSource(source: ModelSource): string {
  return source.kind === 'hub' ? `hub:${source.reference.repository}@${source.reference.revision}` : `catalogue:${source.entry.id}`;
}

/** The name of the folder that what arrives lies in. */
export function folderNameOf(source: ModelSource, file?: string): string {
  return source.kind === 'hub' ? downloadFolderName(source.reference, file) : `catalogue--${source.entry.id}`;
}

/** What to call it while it is fetched. */
export function titleOf(source: ModelSource, file?: string): string {
  if (source.kind === 'catalogue') return source.entry.name;
  const { repository, revision } = source.reference;
  return [repository, revision === 'main' ? '' : `@${revision}`, file === undefined ? '' : ` (${file})`].join('');
}

/** The name of the model in the workspace, when the user gives none. */
export function modelNameOf(source: ModelSource, file?: string): string {
  if (source.kind === 'catalogue') return source.entry.name;
  if (file === undefined) return source.reference.repository.split('/')[1]!;
  return file
    .split('/')
    .at(-1)!
    .replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
}
