import { setImmediate as otherWork } from 'node:timers/promises';
import type { GateDecision, StreamEvent } from '../../shared/contract/text.ts';
import type { Engine } from '../engine/engine.ts';
import { generate } from '../llama/generate.ts';
import { PieceReader } from '../models/piece-reader.ts';
import type { GenerateRequest, SpeechEvent } from './speech-messages.ts';
import { continuationText, promptIdsOf, stopIdsOf } from './continuation.ts';
import { type LoadedModels, prepareVoice } from './voice.ts';

export interface GeneratedText {
  text: string;
  tokenIds: number[];
  end: Extract<StreamEvent, { kind: 'end' }>['end'];
  gate: GateDecision | null;
  /** From the beginning to the first token, with loading and the gate, and from there to the last. */
  secondsToFirst: number;
  seconds: number;
}

/**
 * Continues a prompt with a voice.
 * @param say hears of every token as soon as it is there.
 * @param isCancelled asked before each token; what was written by then is the answer.
 */
export async function generateText(
  engine: Engine,
  models: LoadedModels,
  request: GenerateRequest,
  say: (event: SpeechEvent) => void = () => undefined,
  isCancelled: () => boolean = () => false,
): Promise<GeneratedText> {
  const started = performance.now();
  let first: number | null = null;
  const work = async (loaded: Parameters<Parameters<typeof models.use<GeneratedText>>[1]>[0]): Promise<GeneratedText> => {
    const { tokenizer } = loaded;
    const promptIds = promptIdsOf(tokenizer, loaded.model.config, request.prompt);
    const voice = await prepareVoice(engine, loaded, request.voice, promptIds);
    if (voice.decision) say({ kind: 'gate', decision: voice.decision });
    const reader = new PieceReader(tokenizer);
    for (const id of promptIds) reader.next(id);
    const onToken = async (id: number, logProbability: number): Promise<void> => {
      first ??= performance.now();
      say({ kind: 'token', id, text: reader.next(id), logProbability });
      await otherWork(); // messages come in, and other requests go on
    };
    const { maxTokens, temperature, seed } = request;
    const tokenIds = await generate(engine, voice.model, promptIds, {
      maxTokens,
      temperature,
      seed,
      stopIds: stopIdsOf(tokenizer),
      onToken,
      isCancelled,
    }).finally(voice.dispose);
    const text = continuationText(tokenizer, promptIds, tokenIds);
    const isFull = promptIds.length + tokenIds.length > voice.model.config.contextLength;
    const end = tokenIds.length === maxTokens ? 'length' : isFull ? 'context' : 'stop';
    const ended = performance.now();
    const begun = first ?? ended;
    return {
      ...{ text, tokenIds, end, gate: voice.decision },
      secondsToFirst: (begun - started) / 1000,
      seconds: (ended - begun) / 1000,
    };
  };
  return models.use(request.voice.modelDirectory, work, () => say({ kind: 'loading' }));
}
