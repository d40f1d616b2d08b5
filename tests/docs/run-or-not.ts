/**
 * What becomes of each documented command, as `commandsOf` reads it: it is run in this order, or there is a reason why not. A command that is in
 * neither table fails the test, and so does a line here that no document has any more.
 */

/** A command that is really run. */
export interface Run {
  command: string;
  /** What its letters stand for here, beside those of LETTERS. */
  with?: Record<string, string>;
  /** Added to make it short, or where a sentence leaves out what goes without saying. */
  also?: string[];
}

/** What a letter or name of a synopsis stands for, unless a line says otherwise. */
export const LETTERS: Record<string, string> = {
  ...{
    M: 'base',
    MODEL: 'first',
    MODEL_OR_RUN: 'first',
    RUN: 'first',
    R: 'first',
    D: 'new',
    DATA: 'old',
    DATASET: 'old',
    NEW: 'new',
    OLD: 'old',
    N: '2',
    PLACE: 'even',
  },
  ...{ NAME: 'mine', OTHER: 'ours', TOKENS: '4', TEXT: 'let total', F: 'huggingface', T: 'f16', FILE: 'choices.jsonl' },
};

const SHORT = ['--steps', '4', '--batch', '2', '--context', '32'];
const SHORT_TEXT = ['--max-tokens', '4'];

export const RUNS: Run[] = [
  { command: 'strata model import path/to/model-folder --name base' },
  { command: 'strata data import path/to/what-it-knows --name old' },
  { command: 'strata data import path/to/what-to-learn --name new' },
  { command: 'strata train --model base --new new --old old --replay 0.1', also: ['--name', 'first', ...SHORT] },
  { command: 'strata run list' },
  { command: 'strata model export NAME --out my-model.gguf --format gguf --dtype q8_0', with: { NAME: 'first' } },
  { command: 'strata model catalogue' },
  { command: 'strata model downloads' },
  { command: 'strata model list' },
  { command: 'strata model plan M --blocks N --at PLACE' },
  { command: 'strata model importance M --old DATA' },
  { command: 'strata model verify smol-code', with: { 'smol-code': 'first' } },
  { command: 'strata model export M --out PATH --format F [--dtype T]', with: { PATH: 'exported' } },
  { command: 'strata model import PATH', with: { PATH: 'exported' } },
  { command: 'strata data import python-stdlib.jsonl.gz --name code', with: { 'python-stdlib.jsonl.gz': 'more.jsonl' } },
  { command: 'strata data list' },
  { command: 'strata data sample DATASET --tokens N', with: { N: '800' } },
  { command: 'strata pack prove MODEL' },
  { command: 'strata pack gate MODEL [--tokens 8 16 32] [--new D...] [--old D...]', also: ['--documents', '2'] },
  { command: 'strata pack compose A B:1 C:2=0.5 --base M', with: { A: 'first:1=0.5', 'B:1': '', 'C:2=0.5': '' } },
  { command: 'strata generate MODEL --gate [TOKENS] --prompt TEXT', also: SHORT_TEXT },
  { command: 'strata generate MODEL --strength 0.5', also: ['--prompt', 'let', ...SHORT_TEXT] },
  { command: 'strata run samples RUN' },
  { command: 'strata run movement RUN' },
  { command: 'strata run show RUN --json' },
  { command: 'strata run clone R --set key=value ...', with: { 'key=value': 'seed=3' }, also: ['--queue', '--name', 'second'] },
  { command: 'strata queue move R --before R2', with: { R: 'second', '--before': '--last', R2: '' } },
  { command: 'strata queue run' },
  { command: 'strata train --continue RUN --new DATASET...', with: { DATASET: 'code' }, also: SHORT },
  { command: 'strata line measure MODEL' },
  { command: 'strata score MODEL_OR_RUN --choices FILE.jsonl', with: { 'FILE.jsonl': 'choices.jsonl' } },
  {
    command: 'strata score MODEL_OR_RUN --answers FILE.jsonl --shots 5 --extract gsm8k',
    with: { 'FILE.jsonl': 'answers.jsonl', '5': '1' },
    also: SHORT_TEXT,
  },
  {
    command:
      'strata suite save NAME [--choices FILE...] [--answers FILE...] [--data DATASET...] [--choices-data DATASET...] [--answers-data DATASET...]',
    with: { '--answers': '', '--answers-data': '', '--choices-data': '' },
  },
  { command: 'strata suite list' },
  { command: 'strata suite show NAME' },
  { command: 'strata suite run NAME [MODEL_OR_RUN...]', also: ['base'] },
  { command: 'strata suite results NAME [MODEL_OR_RUN...] [--baseline M]' },
  { command: 'strata suite changes NAME PART MODEL_OR_RUN [--lost] [--baseline M]', with: { PART: 'choices.jsonl' } },
  { command: 'strata suite rename NAME OTHER' },
  { command: 'strata suite delete NAME', with: { NAME: 'ours' } },
  { command: 'strata recipe controls --model M --new NEW --old OLD [--methods expand,lora,full,freeze]', also: ['--preview'] },
  {
    command:
      'strata recipe sweep --model M --new NEW --old OLD [--replay-shares 0,0.05,0.25] [--block-counts 1,2,4] [--places even top] [--learning-rates 0.001,0.002]',
    also: ['--preview'],
  },
  { command: 'strata recipe forecast --model M --new NEW --old OLD [--fraction 0.1] [--limit 0.05]', also: ['--preview'] },
  { command: 'strata recipe list' },
  { command: 'strata engine packs' },
];

const MINUTES = 'takes minutes; tests/bench and tests/cli/bench.test.ts run it on a tiny model';
const FETCHES = 'fetches hundreds of megabytes; tests/studio/engine-packs.test.ts does it with a server of its own';
const SERVES = 'does not end by itself; tests/cli/serve.test.ts and tests/web start it';
const SMOLLM2 = 'a model of 135 million parameters, fetched, and twenty minutes of training; the last two lines are run of another model';

/** Why a command is not run here: what it says itself, and the reason. All are parsed. */
export const NOT_RUN: [command: RegExp, reason: string][] = [
  [/^strata bench\b/, MINUTES],
  [/^strata engine install /, FETCHES],
  [/^strata engine remove /, 'would take the engine away from this machine'],
  [/^VK_ICD_FILENAMES=.* strata engine$/, 'needs a software GPU; tests/engine/webgpu.test.ts runs it where there is one'],
  [/^strata serve /, SERVES],
  [/^autossh /, 'a program of others, and another machine'],
  [/^strata (model import catalogue:smollm2|data import c4-demo|train --model SmolLM2|model export smol-code)/, SMOLLM2],
  [/^strata model import PACK /, 'tests/cli/export.test.ts'],
  [/^strata line joint MODEL JOINT$/, 'needs a run of all tasks together: tests/cli/line.test.ts'],
  [/^strata run resume RUN$/, 'needs a run that was interrupted: tests/cli/interrupt.test.ts'],
  [/^strata run rerun R$/, 'trains once more: tests/studio/run-copies.test.ts'],
  [/^strata recipe (show|cancel) B$/, 'needs a batch: tests/cli/recipes.test.ts'],
  [/^strata train --(guard|queue|preset) ?/, 'only what it adds to a run is meant: tests/cli/measurement.test.ts, recipes.test.ts'],
  [/^strata (eval|generate) strata-base /, 'the figures of the embedded model: tests/llama/expected.test.ts'],
];
