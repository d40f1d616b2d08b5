import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { readReadyManifest } from '../setup/engine.mjs';
import { engineDirectory, projectRoot } from '../setup/paths.mjs';
import { SetupProblem } from '../setup/report.mjs';
import { runCommand } from '../setup/run-command.mjs';

/**
 * What a run of the comparison found (see tests/parity/figures.ts), written down: all figures as JSON, and the tables of docs/parity.md.
 * @typedef {{ kind: 'gradients' | 'training' | 'expansion', model: string, method: string } & Record<string, number | string>} Figures
 * @typedef {{ command: string, date: string, machine: Record<string, string | number>, versions: Record<string, string>, figures: Figures[] }} Recorded
 */

const recordedPath = join(projectRoot, 'tests', 'parity', 'recorded.json');
const documentPath = join(projectRoot, 'docs', 'parity.md');
const BEGIN = '<!-- figures: written by npm run parity -- --record -->';
const END = '<!-- end of figures -->';

/** @param {{ node: string, python: string, figures: string }} from `figures` is the folder that the tests filled */
export async function recordParity({ node, python, figures: folder }) {
  const figures = readdirSync(folder)
    .sort()
    .map((name) => /** @type {Figures} */ (JSON.parse(readFileSync(join(folder, name), 'utf8'))));
  /** @type {Recorded} */
  const recorded = {
    command: 'npm run parity -- --record',
    date: new Date().toISOString().slice(0, 10),
    machine: {
      processor: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${process.platform}-${process.arch}`,
    },
    versions: {
      tensorflow: readReadyManifest(engineDirectory())?.tensorflowVersion ?? 'none: the wasm engine was compared',
      ...(await versionsOf(python)),
    },
    figures,
  };
  writeFileSync(recordedPath, `${JSON.stringify(recorded, null, 2)}\n`);
  const document = readFileSync(documentPath, 'utf8');
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) {
    throw new SetupProblem('docs/parity.md has no place for the figures.', [`It must hold the lines "${BEGIN}" and "${END}".`]);
  }
  writeFileSync(documentPath, `${before}${BEGIN}\n\n${tables(recorded)}\n\n${END}${after}`);
  await runCommand(node, [
    join(projectRoot, 'node_modules', 'prettier', 'bin', 'prettier.cjs'),
    '--write',
    '--log-level',
    'warn',
    recordedPath,
    documentPath,
  ]);
}

/** @param {string} python @returns {Promise<Record<string, string>>} */
async function versionsOf(python) {
  const probe =
    'import json, platform, torch, transformers, peft; print(json.dumps({"python": platform.python_version(), "torch": torch.__version__, ' +
    '"transformers": transformers.__version__, "peft": peft.__version__}))';
  const { stdout } = await runCommand(python, ['-c', probe]);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}');
}

/** @param {Recorded} recorded @returns {string} */
function tables({ date, machine, versions, figures }) {
  const rows = (/** @type {Figures['kind']} */ kind) => figures.filter((each) => each.kind === kind);
  const about = [
    `Recorded on ${date}: ${machine.processor}, ${machine.cores} cores, ${machine.platform};`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ].join(' ');
  return [
    `${about}.`,
    '### Logits, loss, gradients',
    table(
      ['model', 'method', 'tensors', 'largest logit difference', 'loss difference', 'largest relative gradient error', 'in'],
      rows('gradients').map(({ model, method, tensors, logitDifference, lossDifference, gradientError, worstTensor }) => [
        model,
        method,
        tensors,
        small(logitDifference),
        small(lossDifference),
        small(gradientError),
        `\`${worstTensor}\``,
      ]),
    ),
    '### 50 steps of AdamW',
    table(
      ['model', 'method', 'largest loss difference', 'loss at the first and last step', 'steps that were clipped'],
      rows('training').map(({ model, method, lossDifference, firstLoss, lastLoss, clippedSteps }) => [
        model,
        method,
        small(lossDifference),
        `${Number(firstLoss).toFixed(3)} → ${Number(lastLoss).toFixed(3)}`,
        clippedSteps,
      ]),
    ),
    '### Expansion',
    table(
      ['model', 'blocks', 'copies', 'tensors with the same bytes'],
      rows('expansion').map(({ model, blocks, copies, tensors }) => [model, blocks, copies, `${tensors} of ${tensors}`]),
    ),
  ].join('\n\n');
}

/** @param {string | number | undefined} value */
function small(value) {
  return Number(value) === 0 ? '0' : Number(value).toExponential(1);
}

/** @param {string[]} headings @param {unknown[][]} rows @returns {string} */
function table(headings, rows) {
  const line = (/** @type {unknown[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
