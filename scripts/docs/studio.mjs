import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../setup/paths.mjs';

/**
 * @typedef {object} PictureStudio
 * @property {string} url address with its token
 * @property {string} code a folder of TypeScript, not imported yet
 * @property {() => Promise<void>} stop ends it and deletes all that it made
 */

/**
 * The built studio over a new workspace with the embedded model and the English novels of the sample project. What it is given lies in a temporary
 * folder, so that no picture shows where this checkout is.
 * @param {string} node @returns {Promise<PictureStudio>}
 */
export async function startStudio(node) {
  const folder = mkdtempSync(join(tmpdir(), 'strata-'));
  const home = join(folder, 'workspace');
  const model = join(folder, 'strata-base');
  cpSync(join(projectRoot, 'resources', 'base'), model, { recursive: true });
  const novels = join(folder, 'English novels.jsonl');
  writeFileSync(novels, gunzipSync(readFileSync(join(projectRoot, 'resources', 'samples', 'old', 'documents.jsonl.gz'))));
  const code = join(folder, 'TypeScript code');
  for (const room of ['main', 'shared']) copyTypeScript(join(projectRoot, room), join(code, room));
  const strata = (/** @type {string[]} */ ...args) =>
    spawn(node, [join(projectRoot, 'main', 'cli', 'main.ts'), ...args, '--home', home, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  for (const args of [
    ['model', 'import', model],
    ['data', 'import', novels, '--licence', 'public domain'],
  ]) {
    const command = strata(...args);
    command.stdout.resume();
    const [exitCode] = await once(command, 'close');
    if (exitCode !== 0) throw new Error(`strata ${args.join(' ')} ended with exit code ${exitCode}.`);
  }
  const server = strata('serve');
  const ended = once(server, 'exit');
  const [line] = await Promise.race([
    once(createInterface({ input: server.stdout }), 'line'),
    ended.then(() => Promise.reject(new Error('strata serve ended before it said where it is.'))),
  ]);
  return {
    url: JSON.parse(line).url,
    code,
    stop: async () => {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @param {string} from @param {string} to */
function copyTypeScript(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source, target);
  }
}
