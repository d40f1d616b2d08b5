import { StrataError } from '../../../shared/errors.ts';

/** A model repository of a hub, at a branch, a tag or a commit. */
export interface HubReference {
  /** ORG/NAME. */
  repository: string;
  revision: string;
}

export const DEFAULT_REVISION = 'main';

/** A name of an account or a repository: letters, digits, `-`, `_` and `.`, as the hub itself allows. */
const PART = /^[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
/** What git allows in the name of a branch or a tag, as far as anyone uses it. */
const REVISION = /^[A-Za-z0-9][\w./+-]{0,199}$/;

/**
 * Reads ORG/NAME or ORG/NAME@REVISION.
 * @throws StrataError BAD_INPUT for anything else: the parts become names of folders and parts of addresses.
 */
export function parseHubReference(text: string): HubReference {
  const at = text.indexOf('@');
  const repository = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? DEFAULT_REVISION : text.slice(at + 1);
  const parts = repository.split('/');
  const isRepository = parts.length === 2 && parts.every((part) => PART.test(part) && !/\.\.|--/.test(part));
  if (!isRepository) {
    throw new StrataError('BAD_INPUT', 'That is not the name of a repository.', {
      found: text,
      allowed: 'ORG/NAME or ORG/NAME@REVISION, such as HuggingFaceTB/SmolLM2-135M@main',
      hint: "It stands above the model's page on the hub.",
    });
  }
  if (!REVISION.test(revision) || /\.\.|\/\/|\/$|\.lock$/.test(revision)) {
    throw new StrataError('BAD_INPUT', 'That is not a revision of a repository.', {
      found: JSON.stringify(revision),
      allowed: 'a branch, a tag or a commit, such as main or v1.0',
      hint: 'Leave @REVISION out for main.',
    });
  }
  return { repository, revision };
}

/** The name of the folder that a download lies in: no two of them share one, and it is a possible name on every system. */
export function downloadFolderName({ repository, revision }: HubReference, file?: string): string {
  const name = `${repository.replace('/', '--')}@${encodeURIComponent(revision)}`;
  return file === undefined ? name : `${name}+${encodeURIComponent(file).replaceAll('*', '%2A')}`;
}
