import { open } from 'node:fs/promises';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import type { Engine } from '../engine/engine.ts';
import { disposeLlama, loadLlama } from '../llama/parameters.ts';
import { sampleDocuments } from '../llama/sample-documents.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import type { SelfReplayJob, TrainerEvent } from './messages.ts';

/** Documents that are written side by side. */
const DOCUMENTS_AT_ONCE = 16;

/** A document's length, where it does not end by itself. */
const DOCUMENT_TOKENS = 512;

/** Batches in a row that may bring nothing, before the model is taken for one that writes nothing. */
const MOST_EMPTY_BATCHES = 20;

export interface SelfReplayText {
  documents: number;
  tokens: number;
}

/** Lets a model write documents until there are enough tokens, into a file of JSON Lines; those without text are left out. */
export async function writeSelfReplay(job: SelfReplayJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<SelfReplayText> {
  emit({ type: 'activity', text: words('said.loadingModel') });
  const tokenizer = await loadTokenizer(job.modelDirectory);
  const startId = tokenizer.bosTokenId ?? tokenizer.eosTokenId;
  if (startId === null) {
    throw new StrataError('BAD_INPUT', 'This model has no token that a document starts with, so it cannot write one by itself.', {
      found: 'neither a start nor an end token in its tokenizer',
      allowed: 'a model with one of them',
      hint: 'Use old data of your own.',
    });
  }
  const folder = await openModelFolder(job.modelDirectory);
  const insertedBefore = folder.plan?.inserted.map(({ position }) => position) ?? [];
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name), insertedBefore });
  const file = await open(job.destination, 'w');
  const written: SelfReplayText = { documents: 0, tokens: 0 };
  try {
    emit({ type: 'activity', text: words('said.samplingText') });
    for (let first = 0, empty = 0; written.tokens < job.tokens; first += DOCUMENTS_AT_ONCE) {
      const before = written.documents;
      const sampled = await sampleDocuments(engine, model, {
        startId,
        stopId: tokenizer.eosTokenId,
        firstDocument: first,
        documents: DOCUMENTS_AT_ONCE,
        maxTokens: DOCUMENT_TOKENS,
        temperature: job.temperature,
        seed: job.seed,
      });
      for (const ids of sampled) {
        const text = tokenizer.decode(ids);
        if (text.trim() === '' || written.tokens >= job.tokens) continue;
        await file.appendFile(JSON.stringify({ text }) + '\n');
        written.documents++;
        written.tokens += ids.length;
      }
      emit({ type: 'done', done: Math.min(written.tokens, job.tokens), of: job.tokens });
      empty = written.documents === before ? empty + 1 : 0;
      if (empty >= MOST_EMPTY_BATCHES) throw writesNothing(job, written, first + DOCUMENTS_AT_ONCE);
    }
    return written;
  } finally {
    await file.close();
    await folder.close();
    disposeLlama(model);
  }
}

function writesNothing(job: SelfReplayJob, written: SelfReplayText, tries: number): StrataError {
  return new StrataError('BAD_INPUT', 'The model hardly writes anything by itself.', {
    found: `${written.tokens} of ${job.tokens} tokens after ${tries} documents, the last ones all empty`,
    allowed: 'a model that goes on from its start token',
    hint: 'Use old data of your own.',
  });
}
