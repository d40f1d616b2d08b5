import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallCheckout } from '../support/small-checkout.ts';

/** A checker that reports nothing looks like clean code. Each is given something wrong and has to say so. */

const root = resolve(import.meta.dirname, '../..');

function runTool(tool: string, args: readonly string[], directory = root): Promise<{ exitCode: number; output: string }> {
  return new Promise((settle) => {
    const child = execFile(process.execPath, [join(root, 'node_modules', tool), ...args], { cwd: directory }, (_error, stdout, stderr) =>
      settle({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}

describe('the checkers report', () => {
  test('svelte-check: a wrong type and an unknown name in a component', async () => {
    const args = ['--workspace', 'tests/canary', '--tsconfig', './tsconfig.json', '--output', 'machine'];
    const { exitCode, output } = await runTool('svelte-check/bin/svelte-check', args);
    expect(exitCode).toBe(1);
    expect(output).toContain("Type 'string' is not assignable to type 'number'");
    expect(output).toContain("Cannot find name 'missing'");
  });

  test('ESLint: any, a forgotten await, an untyped export, a console call, a value import of a type, a focused test', async () => {
    const checkout = await smallCheckout([
      'eslint.config.js',
      'tsconfig.node.json',
      'tsconfig.web.json',
      'tsconfig.base.json',
      'package.json',
      'scripts/lint',
      'shared',
    ]);
    try {
      await checkout.write('shared/domain/faults.ts', await readFile(join(root, 'tests/canary/deliberate-faults.ts'), 'utf8'));
      await checkout.write('tests/focused.test.ts', "import { test } from 'vitest';\ntest.only('one', () => undefined);\n");
      await checkout.write('renderer/Fault.svelte', '<script lang="ts">\n  Promise.resolve(1);\n</script>\n');
      const files = ['shared/domain/faults.ts', 'tests/focused.test.ts', 'renderer/Fault.svelte'];
      const { output } = await runTool('eslint/bin/eslint.js', ['--format', 'json', ...files], checkout.directory);
      const results = JSON.parse(output) as { filePath: string; messages: { ruleId: string }[] }[];
      const rulesOf = (isPage: boolean): string[] => {
        const found = results.filter(({ filePath }) => filePath.endsWith('.svelte') === isPage);
        return [...new Set(found.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId)))].sort();
      };
      expect(rulesOf(true)).toEqual(['@typescript-eslint/no-floating-promises']);
      expect(rulesOf(false)).toEqual([
        '@typescript-eslint/consistent-type-imports',
        '@typescript-eslint/explicit-module-boundary-types',
        '@typescript-eslint/no-explicit-any',
        '@typescript-eslint/no-floating-promises',
        'no-console',
        'no-restricted-properties',
      ]);
    } finally {
      await checkout.remove();
    }
  });
});
