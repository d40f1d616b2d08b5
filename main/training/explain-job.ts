import { setImmediate as otherWork } from 'node:timers/promises';
import { EXPLAINED_TOKENS, type Explanation, type TokenView } from '../../shared/contract/text.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { viewTokens } from '../llama/explain.ts';
import type { Llama } from '../llama/parameters.ts';
import { PieceReader } from '../models/piece-reader.ts';
import type { TextTokenizer } from '../models/tokenizer.ts';
import type { ExplainRequest, JobVoice, SpeechEvent } from './speech-messages.ts';
import { promptIdsOf } from './continuation.ts';
import { type LoadedModel, type LoadedModels, prepareVoice } from './voice.ts';

/**
 * What voices think of each token of a text: its log-probability, the likeliest others, and by how much each inserted block raises it, measured by
 * leaving that block out. All voices must have the same tokenizer.
 * @throws StrataError BAD_INPUT for voices that cut the text differently, and for a text that is too short or too long.
 */
export async function explainText(
  engine: Engine,
  models: LoadedModels,
  request: ExplainRequest,
  say: (event: SpeechEvent) => void = () => undefined,
  isCancelled: () => boolean = () => false,
): Promise<Explanation> {
  const started = performance.now();
  const seen: VoiceViews[] = [];
  let text: ReadText | null = null;
  for (const voice of request.voices) {
    await models.use(
      voice.modelDirectory,
      async (loaded) => {
        const read = readText(loaded, request);
        if (text && text.tokenizer.hash !== read.tokenizer.hash) throw otherTokenizer();
        text ??= read;
        seen.push(await viewsOf(engine, loaded, voice, text, request, isCancelled));
      },
      () => say({ kind: 'loading' }),
    );
  }
  const { ids, promptTokens, tokenizer } = text!;
  const reader = new PieceReader(tokenizer);
  return {
    tokens: ids.map((id, index) => {
      const views = index === 0 ? null : seen.map(({ views }) => views[index - 1]!);
      const [a, b] = views ?? [];
      const text = tokenizer.specialToken(id) ?? '';
      const piece = reader.next(id);
      return {
        ...{ id, text: text || piece, isPrompt: index < promptTokens, views },
        difference: a && b ? b.logProbability - a.logProbability : null,
      };
    }),
    voices: seen.map(({ blocks, blocksLeft, gate }) => ({ blocks, blocksLeft, gate })),
    seconds: (performance.now() - started) / 1000,
  };
}

interface ReadText {
  ids: number[];
  promptTokens: number;
  tokenizer: TextTokenizer;
}

/** The ids of prompt and continuation: where both are text, as they are cut together. */
function readText(loaded: LoadedModel, { prompt, continuation }: ExplainRequest): ReadText {
  const promptIds = promptIdsOf(loaded.tokenizer, loaded.model.config, prompt);
  const { tokenizer, model } = loaded;
  const isText = typeof continuation === 'string';
  const ids = isText ? (continuation === '' ? promptIds : tokenizer.encode(prompt + continuation)) : [...promptIds, ...continuation];
  const most = Math.min(model.config.contextLength, EXPLAINED_TOKENS);
  // The last token that an answer can have stands one place after the context: it is predicted, and not read.
  const isLong = ids.length > most + 1;
  if (ids.length < 2 || isLong || ids.some((id) => id >= model.config.vocabularySize)) {
    throw new StrataError('BAD_INPUT', `This text is too ${isLong ? 'long' : 'short'} to be explained.`, {
      found: `${ids.length} ${ids.length === 1 ? 'token' : 'tokens'}`,
      allowed: `2 to ${most} tokens of the model's vocabulary`,
    });
  }
  const fitting = ids.slice(0, most);
  return { ids: fitting, promptTokens: isText ? sharedLength(promptIds, fitting) : promptIds.length, tokenizer };
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((id, index) => id !== b[index]);
  return first === -1 ? a.length : first;
}

interface VoiceViews {
  views: TokenView[];
  blocks: number[];
  blocksLeft: number;
  gate: Explanation['voices'][number]['gate'];
}

async function viewsOf(
  engine: Engine,
  loaded: LoadedModel,
  voice: JobVoice,
  { ids, promptTokens, tokenizer }: ReadText,
  { alternatives, blocks: most }: ExplainRequest,
  isCancelled: () => boolean,
): Promise<VoiceViews> {
  // A gate decides by the prompt alone, as when the answer was written.
  const prepared = await prepareVoice(engine, loaded, voice, ids.slice(0, promptTokens));
  try {
    const { model, positions, decision } = prepared;
    const tokens = Int32Array.from(ids);
    const whole = await viewTokens(engine, model, tokens, alternatives);
    const inserted = model.blocks.flatMap((block, index) => (block.isInserted ? [index] : []));
    const measured = inserted.slice(0, most);
    const changes: number[][] = [];
    for (const index of measured) {
      await otherWork();
      if (isCancelled()) throw new StrataError('INTERRUPTED', 'The explanation was stopped.');
      const without = await viewTokens(engine, withoutBlock(model, index), tokens, 0);
      changes.push(whole.map(({ logProbability }, place) => logProbability - without[place]!.logProbability));
    }
    return {
      views: whole.map(({ logProbability, top }, place) => ({
        logProbability,
        top: top.map((each) => ({ ...each, text: tokenizer.specialToken(each.id) ?? tokenizer.decode([each.id]) })),
        blocks: changes.map((change) => change[place]!),
      })),
      blocks: measured.map((index) => positions[index]!),
      blocksLeft: inserted.length - measured.length,
      gate: decision,
    };
  } finally {
    prepared.dispose();
  }
}

function withoutBlock(model: Llama, left: number): Llama {
  const blocks = model.blocks.filter((_, index) => index !== left);
  return { ...model, blocks, config: { ...model.config, blocks: blocks.length } };
}

function otherTokenizer(): StrataError {
  return new StrataError('BAD_INPUT', 'These voices cannot be compared token by token.', {
    found: 'models with different tokenizers',
    allowed: 'models that cut text into the same tokens, such as a base and what was trained from it',
  });
}
