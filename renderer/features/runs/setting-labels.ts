import { words } from '../../../shared/words/words.ts';

/** Settings of a run, but for those that are told elsewhere: their keys as programs know them, and what people read. */
const LABELS = {
  steps: () => words('configuration.steps'),
  batch: () => words('configuration.batch'),
  microBatch: () => words('configuration.microBatch'),
  context: () => words('configuration.context'),
  packing: () => words('configuration.packing'),
  'rendering.completions': () => words('configuration.completions'),
  'rendering.learn': () => words('configuration.learn'),
  replayShare: () => words('configuration.replayShare'),
  replayReason: () => words('configuration.replayReason'),
  importance: () => words('configuration.importance'),
  learningRate: () => words('configuration.learningRate'),
  warmup: () => words('configuration.warmup'),
  finalLearningRate: () => words('configuration.finalLearningRate'),
  weightDecay: () => words('configuration.weightDecay'),
  beta1: () => words('configuration.beta1'),
  beta2: () => words('configuration.beta2'),
  epsilon: () => words('configuration.epsilon'),
  clipNorm: () => words('configuration.clipNorm'),
  seed: () => words('configuration.seed'),
  'evaluation.everySteps': () => words('configuration.evaluationEvery'),
  'evaluation.tokens': () => words('configuration.evaluationTokens'),
  'evaluation.tokensAtEnds': () => words('configuration.evaluationAtEnds'),
  'evaluation.order': () => words('configuration.evaluationOrder'),
  'samples.everySteps': () => words('configuration.samplesEvery'),
  'samples.tokens': () => words('configuration.samplesTokens'),
  'samples.prompts': () => words('configuration.samplesPrompts'),
  past: () => words('configuration.past'),
  guard: () => words('configuration.guard'),
  checkpointEverySteps: () => words('configuration.checkpointEverySteps'),
  engine: () => words('configuration.engine'),
  'schedule.name': () => words('configuration.schedule'),
  'schedule.decay': () => words('configuration.decay'),
  'schedule.shape': () => words('configuration.decayShape'),
  'learningRateFactors.embeddings': () => words('configuration.factorEmbeddings'),
  'learningRateFactors.norms': () => words('configuration.factorNorms'),
  'learningRateFactors.attention': () => words('configuration.factorAttention'),
  'learningRateFactors.mlp': () => words('configuration.factorMlp'),
  'learningRateFactors.inserted': () => words('configuration.factorInserted'),
  'learningRateFactors.adapters': () => words('configuration.factorAdapters'),
} as const;

export type SettingKey = keyof typeof LABELS;

export function settingLabel(key: SettingKey): string {
  return LABELS[key]();
}

export function isSetting(key: string): key is SettingKey {
  return Object.hasOwn(LABELS, key);
}
