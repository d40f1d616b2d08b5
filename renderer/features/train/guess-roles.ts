import type { DatasetInfo } from '../../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { Role } from '../../../shared/domain/run.ts';
import { isSelfReplay } from '../../../shared/domain/self-replay.ts';

/** Why a dataset has the role that nobody chose. */
export type GuessReason = 'learned' | 'sample' | 'self-replay' | 'newest' | 'only';

export interface GuessedRole {
  role: Role;
  reason: GuessReason;
}

/** Where the samples of an installation lie; their folder says what they are for. */
const SAMPLE = /[\\/]samples[\\/](new|old)[\\/]documents\.jsonl\.gz$/;
/** Name of the model that the samples were made for. */
const SAMPLE_MODEL = 'strata-base';

type Guessable = Pick<DatasetInfo, 'id' | 'hash' | 'source' | 'createdAt' | 'parent' | 'documents' | 'kinds'>;

/**
 * Roles for whoever has chosen none, by dataset. What the model's line learned or kept is old now; what was sampled from a base stands for
 * old data; of the rest the newest is new, and nothing is said of the others. The samples have their roles as long as there is nothing else.
 * Nothing is guessed without something new: a run of old data alone is none.
 */
export function guessRoles(datasets: readonly Guessable[], model: Pick<ModelInfo, 'name' | 'line'>): Record<string, GuessedRole> {
  const past = new Set(model.line.flatMap(({ training }) => training?.datasets.map(({ hash }) => hash) ?? []));
  const isOfSamples = [model.name, ...model.line.map(({ base }) => base.name)].includes(SAMPLE_MODEL);
  const replaced = new Set(datasets.map(({ parent }) => parent));
  const usable = datasets.filter(({ id, kinds, documents }) => !replaced.has(id) && kinds.choice !== documents);
  const guesses: Record<string, GuessedRole> = {};
  const unknown: Guessable[] = [];
  for (const dataset of usable) {
    const sample = SAMPLE.exec(dataset.source)?.[1] as Role | undefined;
    if (past.has(dataset.hash)) guesses[dataset.id] = { role: 'old', reason: 'learned' };
    else if (isSelfReplay(dataset.source)) guesses[dataset.id] = { role: 'old', reason: 'self-replay' };
    else if (!sample) unknown.push(dataset);
    else if (sample === 'old' && isOfSamples) guesses[dataset.id] = { role: 'old', reason: 'sample' };
  }
  const newest = unknown.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))[0];
  const sample = usable.find(({ source, hash }) => SAMPLE.exec(source)?.[1] === 'new' && !past.has(hash));
  if (newest) guesses[newest.id] = { role: 'new', reason: unknown.length === 1 ? 'only' : 'newest' };
  else if (sample) guesses[sample.id] = { role: 'new', reason: 'sample' };
  else return {};
  return guesses;
}
