import type { Command } from 'commander';
import type { RunSummary } from '../../../shared/domain/run.ts';
import type { AdvancedSettings } from '../../../shared/domain/settings.ts';
import type { ParsedTrainRequest } from '../../studio/train-request.ts';
import { percent } from '../format.ts';
import { STRATA } from '../report.ts';
import { describeComparison } from '../run-display.ts';
import { command, type CommonOptions, type Session, withSession } from '../session.ts';
import { describePlan, describeResult, followQueued } from '../train-display.ts';

interface Extent {
  steps: number;
  /** Where so few steps would hardly be measured; otherwise as in any run. */
  advanced?: AdvancedSettings;
}

/** How much each of the demo's two runs does by engine, so that it ends within three minutes on two cores; other engines than TensorFlow are slower. */
const FAST: Extent = { steps: 140 };
const SLOW: Record<string, Extent> = {
  webgpu: { steps: 20, advanced: { evaluateEvery: 5, evaluationTokens: 2048 } }, // as wasm: it has not been timed on a GPU
  wasm: { steps: 20, advanced: { evaluateEvery: 5, evaluationTokens: 2048 } },
  cpu: { steps: 2, advanced: { evaluateEvery: 2, evaluationTokens: 512 } },
};
/** How much is replayed follows from the measured distance, as in the sample project of the pages. */
const REQUEST = { blocks: 2, batch: 8, context: 256, seed: 1 } as const;

/** Prompts of both domains, for a look at what changed; losses are what counts. */
const PROMPTS = { new: 'function isEmpty(value) {\n', old: 'The captain looked at the sea and' };
const SAMPLE_TOKENS = 40;

/** `strata demo`: the whole loop on the embedded base and samples, and the same without replay to compare it with. */
export function demoCommand(): Command {
  return command('demo', 'the whole loop on an embedded model and samples, in under three minutes').action((options: CommonOptions) =>
    withSession(options, async (session) => {
      const { studio, say } = session;
      say(
        'Strata: a small model that has read English novels (and a few READMEs) learns JavaScript, and what it knew is measured beside it.\n',
      );
      say(`workspace  ${studio.home}`);
      const { model, newDataset, oldDataset } = await studio.addSamples();
      const { engine, note } = await chooseEngine(session);
      say(`base       ${model.name}: ${model.parameters.toLocaleString('en')} parameters, ${model.blocks} blocks`);
      say(`new        ${newDataset.name}: ${newDataset.documents} documents, ${newDataset.heldOutDocuments} held out`);
      say(`old        ${oldDataset.name}: ${oldDataset.documents} documents, ${oldDataset.heldOutDocuments} held out`);
      say(`engine     ${engine}${note}\n`);

      const request: ParsedTrainRequest = {
        ...REQUEST,
        model: model.id,
        newDatasets: [newDataset.id],
        oldDatasets: [oldDataset.id],
        method: 'expand',
        place: 'even',
        ...(SLOW[engine] ?? FAST),
        engine,
        name: 'Demo: novels, then JavaScript',
      };
      const preview = await studio.runs.preview(request, () =>
        say('Measuring how far the new data are from the old: how much is replayed follows from it.'),
      );
      say(`${describePlan(preview)}\n`);
      const started = await studio.runs.start(request);
      const run = await followQueued(session, started);
      if (run.model && !session.isJson) await showSamples(session, run.model, engine);
      say(`\n${describeResult(run)}\n\nThe same without replay, to see what the ${percent(preview.replayShare)} of old text were worth:\n`);
      const without = await studio.runs.start({ ...request, replayShare: 0, name: 'Demo: the same without replay' });
      const control = await followQueued(session, without);
      const comparison = await studio.comparison.compare({ runs: [run.id, control.id], baseline: control.id });
      session.print({ ...run, control, comparison }, () => `\n${describeComparison(comparison)}\n\n${nextSteps(run, control)}`);
    }),
  );
}

/** The engine that was named, or the one that is used, with the reason when it is not the fast one. */
async function chooseEngine({ studio, engine }: Session): Promise<{ engine: string; note: string }> {
  if (engine !== undefined && engine !== 'auto') return { engine, note: '' };
  const { selected, engines } = await studio.engines();
  if (selected === null || !(selected in SLOW)) return { engine: selected ?? 'auto', note: '' };
  const fast = engines.find(({ name }) => name === 'tensorflow-cpu'); // the one that any machine can have
  return {
    engine: selected,
    note: ` (slow, so the demo does less)\n           ${fast?.name}, the fast one, does not work here: ${fast?.reason}\n           "npm run setup" says what to do.`,
  };
}

async function showSamples({ studio, say }: Session, model: string, engine: string): Promise<void> {
  say('\nThe same prompts, continued with the new blocks left out (the base) and with them:');
  for (const prompt of [PROMPTS.new, PROMPTS.old]) {
    for (const bypass of [true, false]) {
      const { text } = await studio.text.generate({ model, prompt, maxTokens: SAMPLE_TOKENS, temperature: 0, seed: 0, bypass, engine });
      say(`  ${bypass ? 'base ' : 'tuned'}  ${JSON.stringify(prompt + text)}`);
    }
  }
}

function nextSteps({ id, model }: RunSummary, control: RunSummary): string {
  return [
    'What next:',
    '  npm start                                          see both runs in the studio',
    `  ${STRATA} run report ${id} ${control.id} --out demo.html`,
    `  ${STRATA} generate ${model} --prompt "function "`,
    `  ${STRATA} model export ${model} --out my-model     a folder that transformers loads`,
  ].join('\n');
}
