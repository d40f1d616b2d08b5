import { InvalidArgumentError, Option } from 'commander';
import type { Voice } from '../../shared/contract/text.ts';
import { packsOf } from '../../shared/domain/pack.ts';
import type { Studio } from '../studio/studio.ts';
import { refuse, wholeNumber } from './session.ts';

/** What a person says about a voice on the command line. */
export interface VoiceOptions {
  bypass?: boolean;
  /** `0.5` for every pack, `2=0.5` for one. */
  strength?: string[];
  gate?: number | boolean;
  gatePack?: number;
}

/** How many tokens decide unless said is for the use case to know: `--gate` alone is true. */
export function voiceOptions(): Option[] {
  return [
    new Option('--bypass', "leave the blocks of the last expansion out: the base's own answer"),
    new Option('--strength <strengths...>', 'how strong packs are, from 0 (left out) to 1: 0.5 for all, or PACK=0.5 for one'),
    new Option('--gate [tokens]', 'decide by the first tokens of the prompt whether the pack is used').argParser(gateTokens),
    wholeNumber('--gate-pack <n>', 'the pack that --gate decides about (default the last)', 1),
  ];
}

function gateTokens(text: string): number {
  const tokens = Number(text);
  if (Number.isSafeInteger(tokens) && tokens >= 1) return tokens;
  throw new InvalidArgumentError('It takes a whole number of tokens from 1 on.');
}

/** A voice as the studio takes it. */
export function voiceOf(
  studio: Studio,
  model: string,
  { bypass = false, strength, gate, gatePack }: VoiceOptions,
): Voice & { bypass: boolean } {
  if (gatePack !== undefined && gate === undefined) {
    throw refuse('--gate-pack needs --gate.', `--gate-pack ${gatePack}`, 'both, or neither', 'Add --gate.');
  }
  const strengths = strength && strengthsOf(studio, model, strength);
  return {
    ...{ model, bypass },
    ...(strengths && { strengths }),
    ...(gate !== undefined && {
      gate: { ...(typeof gate === 'number' && { tokens: gate }), ...(gatePack !== undefined && { pack: gatePack }) },
    }),
  };
}

function strengthsOf(studio: Studio, model: string, texts: readonly string[]): { pack: number; strength: number }[] {
  const numbers = packsOf(studio.text.modelOf(model).line).map(({ number }) => number);
  return texts.flatMap((text) => {
    const [, pack, value] = /^(?:(\d{1,6})=)?(\d*\.?\d+)$/.exec(text.trim()) ?? [];
    const strength = Number(value);
    if (value === undefined || strength > 1) {
      throw refuse(
        'That is not a possible value of --strength.',
        text,
        'a number from 0 to 1, or PACK=NUMBER such as 2=0.5',
        'Leave it out for 1.',
      );
    }
    if (pack !== undefined) return [{ pack: Number(pack), strength }];
    return (numbers.length > 0 ? numbers : [1]).map((number) => ({ pack: number, strength })); // of a model without packs the studio says why
  });
}
