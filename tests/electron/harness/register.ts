import { registerHooks } from 'node:module';

/** In the process that loads this first, `electron` is the stand-in: the built program runs as it is. */
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: new URL('electron-module.ts', import.meta.url).href, shortCircuit: true } : next(specifier, context),
});
