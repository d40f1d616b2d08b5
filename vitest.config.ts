import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ENGINE_ENVIRONMENT } from './main/engine/load-engine.ts';

/** Tests load TensorFlow, which reads these when it is loaded. Trainers that they start use compiled code again, as they do for a user. */
const env = { ...ENGINE_ENVIRONMENT, NODE_COMPILE_CACHE: join(import.meta.dirname, '.cache', 'compiled') };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'node',
          include: ['tests/**/*.test.ts'],
          // Parity tests need Python packages, torture minutes.
          exclude: ['tests/e2e/**', 'tests/e2e-electron/**', 'tests/parity/**', 'tests/torture/**'],
          env,
          // Native libraries and child processes: a crash must not take the other tests along.
          pool: 'forks',
          // One more than there may be cores: many wait for a command, a trainer or a limit of time.
          maxWorkers: 3,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'browser',
          environment: 'node',
          include: ['tests/e2e/**/*.test.ts'],
          exclude: ['tests/e2e/speed.test.ts'],
          env,
          pool: 'forks',
          // Each with a studio, a trainer and a browser of its own, which wait for one another half of the time.
          maxWorkers: 2,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Alone: what a page takes is measured.
        test: {
          ...{ name: 'speed', environment: 'node', include: ['tests/e2e/speed.test.ts'], env, pool: 'forks' },
          ...{ testTimeout: 240_000, hookTimeout: 240_000 },
        },
      },
      {
        // Where Electron's binary and a window can be had; each file says why not otherwise.
        test: {
          name: 'electron',
          environment: 'node',
          include: ['tests/e2e-electron/**/*.test.ts'],
          env,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Too long for every change: npm run torture.
        test: { name: 'torture', environment: 'node', include: ['tests/torture/**/*.test.ts'], env, pool: 'forks', testTimeout: 1_200_000 },
      },
      {
        // Against PyTorch and transformers: see scripts/parity.mjs.
        test: { name: 'parity', environment: 'node', include: ['tests/parity/**/*.test.ts'], env, pool: 'forks', fileParallelism: false },
      },
    ],
  },
});
