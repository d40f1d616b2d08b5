import type { z } from 'zod';
import type {
  Explanation,
  Generated,
  StreamEvent,
  streamRequestSchema,
  voiceSchema,
  explainRequestSchema,
  generateRequestSchema,
} from '../../shared/contract/text.ts';
import { blockStrengths, findPack, packsOf } from '../../shared/domain/pack.ts';
import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { listReferences } from '../store/runs.ts';
import type { TextEvaluation } from '../training/evaluate-job.ts';
import type { EvaluateJob } from '../training/messages.ts';
import type { GeneratedText } from '../training/generate-job.ts';
import type { JobVoice, SpeechEvent } from '../training/speech-messages.ts';
import { resolve, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { findStoredRun } from './find-run.ts';
import { followEvents } from './follow-events.ts';
import { Speaker } from './speaker.ts';

type Voice = z.output<typeof voiceSchema>;
type StreamRequest = z.output<typeof streamRequestSchema>;

/** Use cases that read or write text with a saved model. */
export class Text {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #speaker: Speaker;

  constructor(context: StudioContext, datasets: Datasets, speaker = new Speaker(context)) {
    this.#context = context;
    this.#datasets = datasets;
    this.#speaker = speaker;
  }

  async generate({ prompt, maxTokens, temperature, seed, engine, ...voice }: z.output<typeof generateRequestSchema>): Promise<Generated> {
    const { text, tokenIds, gate } = await this.#generate({ voice, prompt, maxTokens, temperature, seed, engine });
    return { text, tokenIds, gate };
  }

  /** An answer token by token; leaving off, or the signal, ends it at its next token. */
  stream(request: StreamRequest, signal?: AbortSignal): AsyncGenerator<StreamEvent, void> {
    return followEvents<StreamEvent>(async (tell, ended) => {
      const generated = await this.#generate(request, { onEvent: (event) => tell(streamEvent(event)), signal: ended });
      const { text, tokenIds, end, secondsToFirst, seconds } = generated;
      tell({ kind: 'end', text, tokenIds, end, secondsToFirst, seconds });
    }, signal);
  }

  /** What voices think of each token of a text. */
  async explain({ voices, engine, ...rest }: z.output<typeof explainRequestSchema>, signal?: AbortSignal): Promise<Explanation> {
    const request = { kind: 'explain' as const, voices: voices.map((voice) => this.#jobVoice(voice)), ...rest };
    return (await this.#speaker.ask(request, { engine, signal })) as Explanation;
  }

  /** Loss of a model on text files and on held-out parts of datasets, beside another model where one is named. */
  async evaluate(input: {
    model: string;
    files?: string[];
    datasets?: string[];
    reference?: string | undefined;
    context?: number | undefined;
    engine?: string;
  }): Promise<TextEvaluation> {
    const { model, files = [], context = null, engine = 'auto' } = input;
    const { path } = this.modelOf(model);
    const chosen = (input.datasets ?? []).map((reference) => this.#datasets.find(reference));
    if (files.length + chosen.length === 0) {
      throw new StrataError('BAD_INPUT', 'There is nothing to measure.', {
        found: 'neither a text nor a dataset',
        allowed: 'text files, datasets, or both',
      });
    }
    const encoder = chosen.length > 0 ? await loadContentEncoder(path) : null;
    const datasets: NonNullable<EvaluateJob['datasets']> = [];
    for (const { id, name, hash, path: directory } of chosen) {
      const { heldOutPath } = await buildTokenShards(directory, encoder!, { needsDocuments: true, name });
      datasets.push({ datasetId: id, name, hash, heldOutPath });
    }
    const reference = input.reference === undefined ? {} : { referenceDirectory: this.modelOf(input.reference).path };
    const job = {
      kind: 'evaluate' as const,
      engine,
      modelDirectory: path,
      files,
      datasets,
      context,
      order: 'spread' as const,
      ...reference,
    };
    return (await this.#context.executor.start(job, () => undefined).finished) as TextEvaluation;
  }

  /** Ends the process that answers. */
  close(): Promise<void> {
    return this.#speaker.close();
  }

  async #generate(
    { voice, prompt, maxTokens, temperature, seed, engine }: StreamRequest,
    options: { onEvent?: (event: SpeechEvent) => void; signal?: AbortSignal } = {},
  ): Promise<GeneratedText> {
    const request = { kind: 'generate' as const, voice: this.#jobVoice(voice), prompt, maxTokens, temperature, seed };
    return (await this.#speaker.ask(request, { engine, ...options })) as GeneratedText;
  }

  /** A voice as the trainer process takes it: blocks instead of packs. */
  #jobVoice({ model: reference, bypass, strengths = [], gate }: Voice): JobVoice {
    const model = this.modelOf(reference);
    const blocks = blockStrengths(model, strengths);
    if (bypass) {
      if (!model.plan) throw nothingToBypass(model);
      for (const { position } of model.plan.inserted) blocks[position] = 0;
    }
    const isWhole = blocks.every((strength) => strength === 1);
    return {
      modelDirectory: model.path,
      strengths: isWhole ? null : blocks,
      gate: gate ? { tokens: gate.tokens, positions: findPack(model, gate.pack ?? latestPack(model)).positions } : null,
    };
  }

  /**
   * A model by its id or name, or the model that a run made.
   * @throws StrataError CONFLICT when the run has made none yet.
   */
  modelOf(reference: string): StoredModel {
    const models = listModels(this.#context.store);
    const { store } = this.#context;
    const isModel = models.some(({ id, name }) => id === reference || name === reference);
    const run = isModel || listReferences(store, reference).length === 0 ? null : findStoredRun(store, reference);
    if (!run) return resolve('model', reference, models);
    if (run.model === null) {
      throw new StrataError('CONFLICT', 'The run has not made a model yet.', {
        found: `run "${run.name}" is ${run.status}`,
        hint: 'Wait until it is done, or resume it.',
      });
    }
    return resolve('model', run.model, models);
  }
}

/** The number of the last pack, for whoever does not name one. */
export function latestPack({ line }: Pick<StoredModel, 'line'>): number {
  return packsOf(line).at(-1)?.number ?? 1;
}

function streamEvent(event: SpeechEvent): StreamEvent {
  if (event.kind !== 'token') return event;
  const { id, text, logProbability } = event;
  return { kind: 'token', id, text, probability: Math.exp(logProbability) };
}

function nothingToBypass({ name }: StoredModel): StrataError {
  return new StrataError('BAD_INPUT', 'This model has no inserted blocks to leave out.', {
    found: name,
    allowed: 'a model made by expansion',
    hint: 'Ask the base itself for its answer.',
  });
}
