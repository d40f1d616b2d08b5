import { totalmem } from 'node:os';
import type { GateDecision } from '../../shared/contract/text.ts';
import { usesPack } from '../../shared/domain/gate.ts';
import { modelParameters } from '../../shared/domain/llama-config.ts';
import { insertedBlocks } from '../../shared/domain/pack.ts';
import type { Engine } from '../engine/engine.ts';
import { viewTokens } from '../llama/explain.ts';
import { disposeLlama, type Llama, loadLlama } from '../llama/parameters.ts';
import { type DialledLlama, withStrengths } from '../llama/strength.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import type { JobVoice } from './speech-messages.ts';

/** A model in the engine with what its text needs. */
export interface LoadedModel {
  model: Llama;
  tokenizer: TextTokenizer;
}

/** Loaded models take a part of the machine's memory at most; the one in use always fits. */
const MEMORY_SHARE = 0.25;
const BYTES_PER_PARAMETER = 4;

/** Models that stay loaded between requests, the one used longest ago given up first. A model's folder never changes. */
export class LoadedModels {
  readonly #engine: Engine;
  readonly #limitBytes: number;
  /** In the order of their last use. */
  readonly #kept = new Map<string, { loading: Promise<LoadedModel>; users: number; bytes: number }>();

  constructor(engine: Engine, limitBytes = totalmem() * MEMORY_SHARE) {
    this.#engine = engine;
    this.#limitBytes = limitBytes;
  }

  /** Works with a model, which stays loaded meanwhile. `onLoading` hears when it has to be read from the disk. */
  async use<Result>(directory: string, work: (loaded: LoadedModel) => Promise<Result>, onLoading = (): void => undefined): Promise<Result> {
    const entry = this.#kept.get(directory) ?? { loading: this.#load(directory, onLoading), users: 0, bytes: 0 };
    this.#kept.delete(directory);
    this.#kept.set(directory, entry);
    entry.users++;
    try {
      const loaded = await entry.loading.catch((error: unknown) => {
        this.#kept.delete(directory); // the next one tries again
        throw error;
      });
      entry.bytes = modelParameters(loaded.model.config) * BYTES_PER_PARAMETER;
      return await work(loaded);
    } finally {
      entry.users--;
      await this.#giveUp();
    }
  }

  async #giveUp(): Promise<void> {
    for (const [directory, { loading, users }] of [...this.#kept].slice(0, -1)) {
      const bytes = [...this.#kept.values()].reduce((sum, each) => sum + each.bytes, 0);
      if (bytes <= this.#limitBytes) return;
      if (users > 0) continue;
      this.#kept.delete(directory);
      disposeLlama((await loading).model);
    }
  }

  async #load(directory: string, onLoading: () => void): Promise<LoadedModel> {
    onLoading();
    const tokenizer = await loadTokenizer(directory);
    const folder = await openModelFolder(directory);
    try {
      const inserted = insertedBlocks(folder.expansion?.line ?? [], folder.config.blocks);
      const model = await loadLlama(this.#engine, {
        config: folder.config,
        read: (name) => folder.readTensor(name),
        insertedBefore: inserted,
      });
      return { model, tokenizer };
    } finally {
      await folder.close();
    }
  }
}

/** A voice that is ready to speak. */
export interface PreparedVoice extends DialledLlama {
  /** The blocks of the model that are in it, by their positions in the file. */
  positions: number[];
  decision: GateDecision | null;
}

/**
 * A loaded model with its dials set; with a gate, after it has decided by the first predicted tokens of a text.
 * @param ids of the text: at least one.
 */
export async function prepareVoice(
  engine: Engine,
  { model }: LoadedModel,
  voice: JobVoice,
  ids: readonly number[],
): Promise<PreparedVoice> {
  const strengths = voice.strengths ?? model.blocks.map(() => 1);
  const whole = withStrengths(engine, model, strengths);
  const present = (of: readonly number[]): number[] => of.flatMap((strength, position) => (strength > 0 ? [position] : []));
  if (!voice.gate) return { ...whole, positions: present(strengths), decision: null };
  const { tokens, positions } = voice.gate;
  const without = strengths.map((strength, position) => (positions.includes(position) ? 0 : strength));
  const bare = withStrengths(engine, model, without);
  const prefix = Int32Array.from(ids.slice(0, Math.min(tokens + 1, model.config.contextLength)));
  const losses: number[] = [];
  for (const each of prefix.length > 1 ? [bare.model, whole.model] : []) {
    const views = await viewTokens(engine, each, prefix, 0);
    losses.push(-views.reduce((sum, { logProbability }) => sum + logProbability, 0) / views.length);
  }
  const [lossWithout = null, lossWith = null] = losses;
  const isUsed = lossWithout !== null && lossWith !== null && usesPack({ without: lossWithout, with: lossWith });
  const [chosen, other] = isUsed ? [whole, bare] : [bare, whole];
  other.dispose();
  return {
    ...chosen,
    positions: present(isUsed ? strengths : without),
    decision: { usesPack: isUsed, tokens: prefix.length - 1, lossWithout, lossWith },
  };
}
