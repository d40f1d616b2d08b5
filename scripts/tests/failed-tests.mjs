import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { projectRoot } from '../setup/paths.mjs';

/** Of a failure's message, what says most: what was expected and met stands in its first lines. */
const LINES_EACH = 12;
/** More are not read; the output above has them. */
const MOST = 20;

/**
 * The tests that failed, from the JSON that Vitest wrote: where they are, what they are called and how they failed. A log is often kept only by
 * its end, so this is what stands there.
 * @param {string} path of Vitest's JSON report; none is there when it could not even start
 * @returns {string[]} lines to print
 */
export function describeFailedTests(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return ['  The tests ended without a report: see the output above.'];
  }
  /** @type {{ file: string, title: string, message: string }[]} */
  const failed = [];
  for (const { name, message, assertionResults } of report.testResults) {
    const file = relative(projectRoot, name);
    const tests = assertionResults.filter((/** @type {{ status: string }} */ { status }) => status === 'failed');
    for (const { fullName, failureMessages } of tests) failed.push({ file, title: fullName, message: failureMessages.join('\n') });
    // A file that could not be loaded, or whose hooks failed, has no failed test.
    if (tests.length === 0 && message) failed.push({ file, title: 'as a whole', message });
  }
  const lines = failed.slice(0, MOST).flatMap(({ file, title, message }) => {
    const shown = message.split('\n').slice(0, LINES_EACH);
    return [`  ${file}: ${title}`, ...shown.map((line) => `      ${line}`)];
  });
  if (failed.length > MOST) lines.push(`  … and ${failed.length - MOST} more`);
  return failed.length > 0 ? lines : ['  No test failed, but something outside of them did: see the output above.'];
}
