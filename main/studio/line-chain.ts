import type { ExpansionStep } from '../../shared/domain/expansion.ts';
import type { StoredModel } from '../store/models.ts';

/** A moment of a line: hashes of the models that are the same function then, the first is the one that training made. */
export interface ChainMoment {
  name: string;
  hashes: string[];
}

/** A step that learned something. */
export type TrainedStep = ExpansionStep & { training: NonNullable<ExpansionStep['training']> };

export interface Chain {
  /** Steps that learned something: the tasks, in their order. */
  tasks: TrainedStep[];
  /** Before any training, then after each task. */
  moments: ChainMoment[];
}

/**
 * The moments of a model's line. A step that only inserted blocks, which are identities then, made another model of the same moment.
 */
export function chainOf({ name, hash, line }: Pick<StoredModel, 'name' | 'hash' | 'line'>): Chain {
  const first = line[0]?.base;
  const moments: ChainMoment[] = [{ name: first?.name ?? name, hashes: first ? [first.hash] : [hash] }];
  const tasks: TrainedStep[] = [];
  for (const [index, step] of line.entries()) {
    const result = line[index + 1]?.base ?? { name, hash };
    if (step.training) {
      tasks.push({ ...step, training: step.training });
      moments.push({ name: step.name ?? result.name, hashes: [result.hash] });
    } else moments.at(-1)!.hashes.push(result.hash);
  }
  // Before version 70 the database did not know what a model was expanded from.
  return { tasks, moments: moments.map((moment) => ({ ...moment, hashes: moment.hashes.filter((each) => each !== '') })) };
}
