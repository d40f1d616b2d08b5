import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installersIn } from '../electron/harness/installer-budget.ts';

const installers = await installersIn(join(resolve(import.meta.dirname, '../..'), 'dist/packages'));
if (installers.length === 0) process.stderr.write('No installer is measured: there is none in dist/packages (npm run package).\n');

describe.runIf(installers.length > 0)('the installers that were made', () => {
  it.each(installers)('$name stays within packaging/installers.json', ({ megabytes, allowed }) => {
    expect(megabytes).toBeLessThanOrEqual(allowed);
  });
});
