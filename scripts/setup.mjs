#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { prepare, runScript } from './setup/prepare.mjs';
import { createReport } from './setup/report.mjs';

/**
 * `npm run setup`: makes a clean checkout ready. Plain JavaScript without dependencies, because it runs on Node 20 before anything is
 * installed. Run it again at any time: what is done is skipped, what was interrupted goes on.
 *
 *   --engine-only   dependencies and TensorFlow, no builds
 *   --no-engine     everything but TensorFlow
 *   --gpu           also TensorFlow for NVIDIA GPUs with CUDA's libraries: about three gigabytes to fetch, seven on the disk
 *   --quiet         say only what takes time
 */
await runScript(async () => {
  const { values } = parseArgs({
    options: {
      'engine-only': { type: 'boolean' },
      'no-engine': { type: 'boolean' },
      gpu: { type: 'boolean' },
      quiet: { type: 'boolean' },
    },
  });
  const builds = !values['engine-only'];
  const { engineProblem } = await prepare({
    quiet: values.quiet,
    engine: !values['no-engine'],
    gpu: values.gpu,
    renderer: builds,
    electron: builds,
    retry: true,
  });
  if (!values.quiet) {
    const engine = values['no-engine'] || engineProblem ? 'on its wasm engine' : 'on TensorFlow';
    createReport().done(`Strata is ready, ${engine}. Try "npm run demo", or "npm start" for the studio.`);
  }
  return 0;
});
