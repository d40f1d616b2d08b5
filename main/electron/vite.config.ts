import { resolve } from 'node:path';
import { defineConfig } from 'vite';

/**
 * Bundles the desktop host into dist/electron: `main.js` and the trainer's `process.js` as modules, the preload as CommonJS (a sandboxed
 * preload cannot be a module). Only our own files are bundled: packages stay in node_modules, where native ones are unpacked. The threads
 * `*-worker.mjs` lie outside the archive, where they are found, and see no packages there: they hold those that they need, and each is bundled by
 * itself, so that none needs a file that several share.
 * `vite build` makes all: see buildApp below.
 */
const root = resolve(import.meta.dirname, '../..');
const isPackage = (id: string): boolean => !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('\0') && !/^[A-Za-z]:\\/.test(id);

const output = (format: 'es' | 'cjs', input: Record<string, string>, extension: string, holdsPackages = false): object => ({
  consumer: 'server',
  resolve: holdsPackages ? { noExternal: true } : { external: true, noExternal: [] },
  build: {
    outDir: resolve(root, 'dist/electron'),
    emptyOutDir: 'main' in input,
    copyPublicDir: false,
    target: 'node24',
    minify: false,
    rolldownOptions: {
      input,
      external: holdsPackages ? /^node:/ : isPackage,
      output: {
        format,
        // A thread is one file, also with what it loads only when it needs it.
        ...(holdsPackages ? { codeSplitting: false } : {}),
        entryFileNames: `[name].${extension}`,
        chunkFileNames: `[name]-[hash]${holdsPackages ? '-worker' : ''}.${extension}`,
      },
    },
  },
});

const THREADS = {
  'comparison-worker': 'main/datasets/comparison-worker.ts',
  'encoding-worker': 'main/models/tokenizers/encoding-worker.ts',
  'inspect-worker': 'main/datasets/inspect/inspect-worker.ts',
  'hash-worker': 'main/models/hash-worker.ts',
  'reading-worker': 'main/datasets/readers/reading-worker.ts',
};
const threads = Object.fromEntries(
  Object.entries(THREADS).map(([name, path], index) => [`thread${index}`, output('es', { [name]: resolve(root, path) }, 'mjs', true)]),
);

export default defineConfig({
  root,
  environments: {
    host: output(
      'es',
      {
        main: resolve(root, 'main/electron/main.ts'),
        process: resolve(root, 'main/training/process.ts'),
      },
      'js',
    ),
    ...threads,
    preload: output('cjs', { preload: resolve(root, 'main/electron/preload.ts') }, 'cjs'),
  },
  builder: {
    async buildApp(builder) {
      await builder.build(builder.environments.host!);
      for (const name of Object.keys(threads)) await builder.build(builder.environments[name]!);
      await builder.build(builder.environments.preload!);
    },
  },
});
