#!/usr/bin/env node
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CPU, readReadyManifest } from './setup/engine.mjs';
import { engineDirectory, projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';

/**
 * `npm run build`: the studio's pages with the licences of what comes along, and the desktop host, into dist/. Where the engine was set up, the
 * compiled addon comes along too: an engine pack brings TensorFlow's library to it.
 */
await runScript(async () => {
  await prepare({ engine: false, renderer: true, electron: true });
  const engine = readReadyManifest(engineDirectory(), CPU);
  if (engine) {
    const folder = join(projectRoot, 'dist', 'addon', `${process.platform}-${process.arch}`);
    await mkdir(folder, { recursive: true });
    await copyFile(engine.addonPath, join(folder, 'tfjs_binding.node'));
  }
  return 0;
});
