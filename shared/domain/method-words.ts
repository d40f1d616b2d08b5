import { words } from '../words/words.ts';
import { LORA_TARGETS, type Method, type MethodName } from './method.ts';

/** Methods as people read them, in the language in use. */

/** A name for the screen. */
export function methodLabel(name: MethodName): string {
  return {
    expand: words('domain.expand'),
    lora: words('domain.lora'),
    full: words('domain.full'),
    freeze: words('domain.freeze'),
  }[name];
}

/** For whoever has to choose: in one sentence what the method does and what it costs. */
export function methodMeaning(name: MethodName): string {
  return {
    expand: words('domain.expandMeans'),
    lora: words('domain.loraMeans'),
    full: words('domain.fullMeans'),
    freeze: words('domain.freezeMeans'),
  }[name];
}

/** In a few words, for a line of a table: "expand, new blocks at 2, 5", "lora, rank 16, alpha 32, on all linear layers". */
export function describeMethod(method: Method): string {
  switch (method.name) {
    case 'expand':
      return words('domain.expandAt', { blocks: method.plan.inserted.map(({ position }) => position).join(', ') });
    case 'lora': {
      const { rank, alpha, targets } = method;
      return targets.length === LORA_TARGETS.length
        ? words('domain.loraEverywhere', { rank: String(rank), alpha: String(alpha) })
        : words('domain.loraOn', { rank: String(rank), alpha: String(alpha), where: targets.join(', ') });
    }
    case 'full':
      return words('domain.fullEvery');
    case 'freeze':
      return words('domain.freezeBlocks', { blocks: method.blocks.join(', ') });
  }
}
