import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import typescript from 'typescript-eslint';
import { pagesParser } from './scripts/lint/pages-parser.mjs';
import { wordsFromCatalogue } from './scripts/lint/words-from-catalogue.mjs';

const NODE_SIDE = ['main/**/*.ts', 'shared/**/*.ts', 'tests/**/*.ts', '*.ts'];
const PAGES = ['renderer/**/*.ts', 'renderer/**/*.svelte', 'renderer/**/*.svelte.ts'];

/** Rules that hold for all TypeScript. Types are read, so that a forgotten `await` is found. */
const typed = {
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/explicit-module-boundary-types': 'error',
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  // Buffers are indexed inside checked bounds by the thousand: `!` says so, and noUncheckedIndexedAccess makes it explicit.
  '@typescript-eslint/no-non-null-assertion': 'off',
  eqeqeq: ['error', 'always'],
  'no-console': 'error',
  'no-empty': ['error', { allowEmptyCatch: false }],
};

/** Tests that were narrowed down while working must not stay so. */
const noFocusedTests = {
  'no-restricted-properties': [
    'error',
    ...['describe', 'it', 'test', 'suite'].map((object) => ({ object, property: 'only', message: 'A focused test hides all the others.' })),
  ],
};

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', '.cache/', 'resources/', 'coverage/', 'tests/canary/', 'tests/fixtures/']),
  eslint.configs.recommended,
  {
    files: NODE_SIDE,
    extends: [typescript.configs.recommended],
    languageOptions: { parserOptions: { project: './tsconfig.node.json', tsconfigRootDir: import.meta.dirname }, globals: globals.node },
    rules: typed,
  },
  {
    files: PAGES,
    extends: [typescript.configs.recommended],
    languageOptions: {
      parser: pagesParser,
      parserOptions: { project: './tsconfig.web.json', tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] },
      globals: globals.browser,
    },
    rules: typed,
  },
  { files: ['renderer/**/*.svelte', 'renderer/**/*.svelte.ts'], extends: [svelte.configs.recommended] },
  {
    files: ['renderer/**/*.svelte', 'renderer/**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: pagesParser } },
    // A component's props are typed by one interface, not by the signature of a function.
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off', 'svelte/no-navigation-without-resolve': 'off' },
  },
  {
    files: PAGES,
    // Tables that other programs read are called the same in every language.
    ignores: ['renderer/vite.config.ts', 'renderer/features/**/*-csv.ts'],
    plugins: { strata: { rules: { 'words-from-catalogue': wordsFromCatalogue } } },
    rules: { 'strata/words-from-catalogue': 'error' },
  },
  { files: ['tests/**/*.ts'], rules: noFocusedTests },
  { files: ['main/cli/**', 'scripts/**', 'tests/**'], rules: { 'no-console': 'off' } },
  { files: ['scripts/**', '*.js', '**/*.mjs'], languageOptions: { globals: globals.node } },
  { files: ['**/*.cjs'], languageOptions: { globals: globals.node, sourceType: 'commonjs' } },
);
