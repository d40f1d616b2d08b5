import { ELECTRON, ensureBundle, RENDERER } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { CPU, ensureEngine, GPU } from './engine.mjs';
import { createReport, SetupProblem } from './report.mjs';

/**
 * Everything that has to be there before the product runs, each part skipped when it is there. What an entry script needs, it names.
 * @param {{ quiet?: boolean, engine?: boolean, gpu?: boolean, renderer?: boolean, electron?: boolean, retry?: boolean }} wanted
 *   `gpu` adds TensorFlow for NVIDIA GPUs; `retry` tries the engine again although its last attempt failed lately
 * @returns {Promise<{ node: string, engineProblem: string | null }>} `node` is the executable of Node 24
 * @throws {SetupProblem} when the product cannot run at all
 */
export async function prepare({ quiet = false, engine = true, gpu = false, renderer = false, electron = false, retry = false }) {
  const report = createReport({ quiet });
  const { executable: node } = await ensureDependencies(report);
  const result = engine ? await ensureEngine(report, { retry, variant: CPU }) : null;
  if (gpu) await ensureEngine(report, { retry, variant: GPU });
  if (renderer) {
    await ensureBundle(report, node, RENDERER);
    // Read after the packages are installed; a new bundle has emptied the folder.
    const { ensureLicencePage } = await import('../licence-texts.mjs');
    ensureLicencePage();
  }
  if (electron) await ensureBundle(report, node, ELECTRON);
  return { node, engineProblem: result && 'problem' in result ? result.problem : null };
}

/**
 * Runs an entry script: a problem of the set-up is shown with its advice, a wrong option by its name, instead of a stack.
 * @param {() => Promise<number>} main gives the exit code
 */
export async function runScript(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    const { code = '', message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code.startsWith('ERR_PARSE_ARGS')) {
      createReport().note([message]);
      process.exitCode = 2;
      return;
    }
    if (!(error instanceof SetupProblem)) throw error;
    createReport().note([error.message, ...error.advice]);
    process.exitCode = 1;
  }
}
