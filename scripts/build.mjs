#!/usr/bin/env node
import { prepare, runScript } from './setup/prepare.mjs';

/** `npm run build`: the studio's pages and the desktop host into dist/. */
await runScript(async () => {
  await prepare({ engine: false, renderer: true, electron: true });
  return 0;
});
