import { describe, expect, it } from 'vitest';
import { type Command, commandSchema, jobSchema, trainerEventSchema, trainResultSchema } from '../../main/training/messages.ts';
import { DEFAULT_CLEANING } from '../../shared/domain/cleaning.ts';
import { configurationRecord } from '../support/run-records.ts';

const train: Extract<Command, { type: 'start' }>['job'] = {
  kind: 'train',
  configuration: configurationRecord(),
  baseModelDirectory: '/models/base',
  shards: [{ datasetId: 'code-1', role: 'new', trainPath: '/a', heldOutPath: '/b' }],
  runDirectory: '/runs/1',
  modelDirectory: '/models/1',
};
const voice = { modelDirectory: '/m', strengths: [1, 0.5], gate: { tokens: 8, positions: [1] } };
const generate = { kind: 'generate', voice, prompt: '', maxTokens: 1, temperature: 0, seed: 0 };
const explain = { kind: 'explain', voices: [voice], prompt: 'a', continuation: [1, 2], alternatives: 5, blocks: 16 };
const speech = { kind: 'speech', engine: 'wasm' };
const gate = {
  ...{ kind: 'gate', engine: 'wasm', modelDirectory: '/m', positions: [1], tokens: [8], documents: 10, documentTokens: 64 },
  datasets: [{ name: 'a', role: 'new', heldOutPath: '/a' }],
};
const evaluate = { kind: 'evaluate', engine: 'wasm', modelDirectory: '/m', files: ['/t'], context: 2 };

describe('commands', () => {
  it('of every kind pass unchanged', () => {
    const verify = { kind: 'verify', engine: 'wasm', modelDirectory: '/m', baseModelDirectory: null };
    const selfTest = { kind: 'self-test', engines: [] };
    const imported = {
      kind: 'import',
      paths: ['/a'],
      destination: '/d',
      source: 'a',
      cleaning: DEFAULT_CLEANING,
      mappings: [],
      version: 1,
    };
    for (const job of [imported, train, speech, gate, evaluate, { ...evaluate, context: null }, verify, selfTest]) {
      expect(commandSchema.parse({ type: 'start', job })).toEqual({ type: 'start', job });
    }
    for (const request of [generate, explain, { ...explain, continuation: 'text' }]) {
      expect(commandSchema.parse({ type: 'ask', number: 1, request })).toEqual({ type: 'ask', number: 1, request });
    }
    expect(commandSchema.parse({ type: 'leave', number: 1 })).toEqual({ type: 'leave', number: 1 });
    for (const control of ['pause', 'stop', 'interrupt']) {
      expect(commandSchema.parse({ type: 'control', control })).toEqual({ type: 'control', control });
    }
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a word', 'start'],
    ['an unknown type', { type: 'begin', job: train }],
    ['an unknown control', { type: 'control', control: 'resume' }],
    ['a negative number of tokens', { type: 'ask', number: 1, request: { ...generate, maxTokens: -1 } }],
    ['a negative temperature', { type: 'ask', number: 1, request: { ...generate, temperature: -0.5 } }],
    ['a request of no kind', { type: 'ask', number: 1, request: { ...generate, kind: 'sing' } }],
    ['no job', { type: 'start' }],
    ['an unknown kind of job', { type: 'start', job: { ...speech, kind: 'dream' } }],
  ])('that are %s are refused', (_, command) => {
    expect(commandSchema.safeParse(command).success).toBe(false);
  });

  it.each<[string, unknown]>([
    ['no folder for checkpoints', { ...train, runDirectory: undefined }],
    ['a role that is none', { ...train, shards: [{ ...train.shards[0], role: 'middle' }] }],
    ['half a step', { ...train, configuration: configurationRecord({ steps: 1.5 }) }],
    ['no step', { ...train, configuration: configurationRecord({ steps: 0 }) }],
    ['a context that predicts nothing', { ...train, configuration: configurationRecord({ context: 1 }) }],
    ['a learning rate that is no number', { ...train, configuration: configurationRecord({ learningRate: NaN }) }],
    ['a learning rate that is infinite', { ...train, configuration: configurationRecord({ learningRate: Infinity }) }],
    ['an unknown method', { ...train, configuration: configurationRecord({ method: 'magic' as never }) }],
    ['a gate without a pack', { ...gate, positions: [] }],
    ['a gate that no token decides', { ...gate, tokens: [0] }],
    ['an evaluation without end', { ...evaluate, context: 0 }],
    ['an evaluation that predicts nothing', { ...evaluate, context: 1 }],
  ])('to do a job with %s are refused', (_, job) => {
    expect(jobSchema.safeParse(job).success).toBe(false);
  });
});

describe('events', () => {
  it.each<[string, unknown]>([
    ['an unknown type', { type: 'news' }],
    [
      'a measurement that is no number',
      { type: 'evaluation', step: 1, evaluation: { new: { loss: NaN, tokens: 1 }, old: null, drift: null } },
    ],
    [
      'an unknown series',
      { type: 'progress', step: 1, points: [{ step: 1, series: 'luck', value: 1 }], tokensPerSecond: 1, secondsLeft: null },
    ],
    ['an error with an unknown code', { type: 'failed', error: { code: 'OOPS', message: '' } }],
    ['an error without a message', { type: 'failed', error: { code: 'ENGINE' } }],
  ])('with %s are refused', (_, event) => {
    expect(trainerEventSchema.safeParse(event).success).toBe(false);
  });

  it('carry an error whole', () => {
    const error = { code: 'NO_SPACE', message: 'The disk is full.', found: 'no room', allowed: 'more room', hint: 'Free some space.' };
    expect(trainerEventSchema.parse({ type: 'failed', error })).toEqual({ type: 'failed', error });
  });
});

describe('a training’s result', () => {
  it('has whole tokens and one of four outcomes', () => {
    const result = {
      outcome: 'done',
      stepsDone: 1,
      tokens: { total: 64, byDataset: { code: 64 } },
      seconds: 0.5,
      measuringSeconds: 0.1,
      samplingSeconds: 0.05,
      tokensPerSecond: 128,
      repeatedShare: 0.5,
      peakMemory: 1e8,
      final: null,
      gainError: null,
      forgettingError: 0.01,
      saved: true,
    };
    expect(trainResultSchema.parse(result)).toEqual(result);
    expect(trainResultSchema.safeParse({ ...result, outcome: 'won' }).success).toBe(false);
    expect(trainResultSchema.safeParse({ ...result, tokens: { total: 0.5, byDataset: {} } }).success).toBe(false);
  });
});
