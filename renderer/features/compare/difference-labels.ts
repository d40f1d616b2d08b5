import { words } from '../../../shared/words/words.ts';
import { isSetting, type SettingKey, settingLabel } from '../runs/setting-labels.ts';

/** What a comparison tells beside the settings that {@link settingLabel} knows: what a run's page tells elsewhere, and results. */
const LABELS: Readonly<Record<string, () => string>> = {
  'baseModel.name': () => words('compare.settingBase'),
  'baseModel.id': () => words('compare.settingBaseId'),
  'baseModel.hash': () => words('compare.settingBaseHash'),
  'method.name': () => words('run.method'),
  'method.plan.baseBlocks': () => words('compare.settingBaseBlocks'),
  'method.plan.inserted': () => words('compare.settingInserted'),
  'method.blocks': () => words('compare.settingTrainedBlocks'),
  'method.rank': () => words('compare.settingRank'),
  'method.alpha': () => words('compare.settingAlpha'),
  'method.targets': () => words('compare.settingTargets'),
  datasets: () => words('compare.settingDatasets'),
  'mixture.weighting': () => words('domain.weights'),
  'mixture.temperature': () => words('compare.settingTemperature'),
  'mixture.maxRepeats': () => words('domain.capOnRepeats'),
  'mixture.schedule': () => words('domain.replayOverRun'),
  'mixture.curve': () => words('compare.settingCurve'),
  'guard.measure': () => words('compare.settingGuardMeasure'),
  'guard.limit': () => words('configuration.guard'),
  'guard.action': () => words('compare.settingGuardAction'),
  'guard.fromStart': () => words('compare.settingGuardFromStart'),
  status: () => words('compare.resultStatus'),
  gain: () => words('terms.gain'),
  forgetting: () => words('terms.forgetting'),
  drift: () => words('terms.drift'),
  tokensPerSecond: () => words('compare.resultSpeed'),
  seconds: () => words('compare.resultSeconds'),
  peakMemory: () => words('compare.resultMemory'),
  engineUsed: () => words('run.engineUsed'),
  trainableParameters: () => words('compare.resultTrainable'),
  addedParameters: () => words('compare.resultAdded'),
  'baseline.new': () => words('compare.resultNewBefore'),
  'baseline.old': () => words('compare.resultOldBefore'),
  'final.new': () => words('compare.resultNewAfter'),
  'final.old': () => words('compare.resultOldAfter'),
};
/** Beside these a run's page has them, and calls them by "it": in a list of what differs they need the name of it. */
const ABOUT: Readonly<Record<string, SettingKey>> = {
  learningRateFactors: 'learningRate',
  schedule: 'schedule.name',
  rendering: 'rendering.completions',
};
const WEIGHT_OF = 'mixture.weights.';

/**
 * What people read for the dotted name of a setting or a result that differs.
 * @param datasets names by id: each has a weight in the mixture.
 * @returns the name itself where nobody has put it into words, as of a setting of a newer studio.
 */
export function differenceLabel(key: string, datasets: ReadonlyMap<string, string> = new Map()): string {
  if (isSetting(key)) {
    const about = ABOUT[key.split('.')[0]!];
    return about && about !== key ? `${settingLabel(about)}: ${settingLabel(key)}` : settingLabel(key);
  }
  if (key.startsWith(WEIGHT_OF)) {
    const id = key.slice(WEIGHT_OF.length);
    return words('compare.settingWeightOf', { dataset: datasets.get(id) ?? id });
  }
  return LABELS[key]?.() ?? key;
}
