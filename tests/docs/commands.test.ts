import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createProgram } from '../../main/cli/program.ts';
import { fastEngine } from '../support/engines.ts';
import { byteModelConfig, byteTokenizerJson, codeDocuments, storyDocuments, writeDocuments, writeTinyModel } from '../support/workspace.ts';
import { commandsOf, documents, ROOT, wordsOf } from './documented-commands.ts';
import { allCommands, commandNamed, parseProblem } from './documented-words.ts';
import { LETTERS, NOT_RUN, type Run, RUNS } from './run-or-not.ts';

const documented = (await documents()).flatMap(commandsOf).filter(({ text }) => !/^strata$|COMMAND/.test(text));
const strataCommands = documented.filter(({ text }) => text.startsWith('strata '));
/** In a sentence a command may be named alone: `strata serve`. */
const isMention = (text: string): boolean => commandNamed(wordsOf(text).slice(1))?.length === wordsOf(text).length - 1;

describe('commands in the documents', () => {
  it('of strata are read by the real program: names, arguments, options and their values', async () => {
    const problems = await Promise.all(
      strataCommands.map(async ({ place, text, isBlock }) => {
        const problem = await parseProblem(text);
        if (problem === null) return [];
        // A sentence may leave out what goes without saying; a block is there to be copied.
        const leavesOut = /error: (missing required argument|required option)/.test(problem) && !isBlock;
        return leavesOut ? [] : [`${place}: ${problem}`];
      }),
    );
    expect(strataCommands.length).toBeGreaterThan(80);
    expect(problems.flat()).toEqual([]);
  });

  it('of npm are scripts of package.json, and name checks, tests and options that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const [tests, runner, setup] = await Promise.all([
      readdir(join(ROOT, 'tests'), { recursive: true }),
      readFile(join(ROOT, 'scripts/test.mjs'), 'utf8'),
      readFile(join(ROOT, 'scripts/setup.mjs'), 'utf8'),
    ]);
    for (const { place, text } of documented.filter((each) => each.text.startsWith('npm '))) {
      const [, name, rest = ''] = /^npm (?:run )?(?:-s )?([\w-]+)(?: -- (.+))?$/.exec(text) ?? [];
      expect(Object.keys(scripts), `${place}: ${text}`).toContain(name);
      const [first = '', second = ''] = rest.split(' ');
      if (first === '--only') expect(runner, place).toContain(`kind: '${second}'`);
      else if (name === 'setup' && first) expect(setup, place).toContain(`${first.slice(2)}:`);
      else if (/^(test|parity)$/.test(name!) && first && !first.startsWith('--'))
        expect(
          tests.some((path) => path.includes(first) && path.endsWith('.test.ts')),
          `${place}: no test is called ${first}`,
        ).toBe(true);
    }
  });

  it('all stand in docs/command-line.md', async () => {
    const table = (await readFile(join(ROOT, 'docs/command-line.md'), 'utf8')).matchAll(/^\| (`.+?) +\|/gm);
    const named = [...table].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => synopses(code!)));
    const known = named.filter((each) => commandNamed(wordsOf(each)));
    expect(allCommands().filter((command) => !known.some((each) => `${each} `.startsWith(`${command} `)))).toEqual([]);
    const problems = await Promise.all(known.map((each) => parseProblem(`strata ${each}`)));
    expect(problems.filter((problem) => problem !== null && !/required option/.test(problem))).toEqual([]);
  });

  it('are run below, or stand in the table with a reason; nothing else does', () => {
    const others = documented.filter(
      ({ text }) => !text.startsWith('npm ') && !isRun(text) && !NOT_RUN.some(([pattern]) => pattern.test(text)),
    );
    expect(
      others
        .filter(({ text, isBlock }) => isBlock || !isMention(text.replace(/ --help$/, '')))
        .map(({ place, text }) => `${place}: ${text}`),
    ).toEqual([]);
    const isDocumented = (pattern: RegExp): boolean => documented.some(({ text }) => pattern.test(text) && !isRun(text));
    expect(NOT_RUN.filter(([pattern]) => !isDocumented(pattern)).map(String)).toEqual([]);
    expect(RUNS.filter(({ command }) => !documented.some(({ text }) => text === command)).map(({ command }) => command)).toEqual([]);
  });
});

const isRun = (text: string): boolean => RUNS.some(({ command }) => command === text);

/** `model list`, and `recipe controls | sweep [...]` as two. */
function synopses(code: string): string[] {
  const [, group, first, more, rest = ''] = /^(\w+) ([\w-]+)((?: \\\| [\w-]+)+)(.*)$/.exec(code) ?? [];
  const plain = code.replaceAll('\\|', '|');
  return more ? [first!, ...more.split(' \\| ').slice(1)].map((name) => `${group} ${name}${rest}`) : [plain];
}

describe('documented commands, one after the other on one workspace', () => {
  const here = process.cwd();
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-documented-'));
    await mkdir(join(folder, 'path/to'), { recursive: true });
    // Rows of 32 numbers, as Q8_0 packs them.
    const config = { ...byteModelConfig, hiddenSize: 32, headSize: 8, intermediateSize: 64 };
    await writeTinyModel(join(folder, 'path/to/model-folder'), { config });
    // llama.cpp has a way to cut words as this tokenizer then does.
    const preTokenizer = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    const tokenizer = JSON.stringify({ ...byteTokenizerJson(), pre_tokenizer: preTokenizer });
    await writeFile(join(folder, 'path/to/model-folder/tokenizer.json'), tokenizer);
    for (const [name, texts] of [
      ['what-it-knows', storyDocuments(60)],
      ['what-to-learn', codeDocuments(60)],
    ] as const) {
      await mkdir(join(folder, 'path/to', name));
      await writeDocuments(join(folder, 'path/to', name, 'texts.jsonl'), texts);
    }
    await writeDocuments(join(folder, 'more.jsonl'), codeDocuments(90).slice(60));
    const choices = Array.from({ length: 4 }, (_, index) => ({ query: `Q${index}`, choices: ['yes', 'no – not'], gold: index % 2 }));
    await writeFile(join(folder, 'choices.jsonl'), choices.map((row) => JSON.stringify(row)).join('\n'));
    await writeFile(join(folder, 'answers.jsonl'), '{"question":"1?","answer":"#### 1"}\n{"question":"2?","answer":"#### 2"}\n');
    process.chdir(folder);
  });
  afterAll(async () => {
    process.chdir(here);
    vi.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(RUNS)('$command', async (run) => {
    const said: string[] = [];
    for (const stream of [process.stdout, process.stderr]) {
      vi.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    }
    process.exitCode = undefined;
    try {
      await (await createProgram()).parseAsync([...typed(run), '--home', join(folder, 'home'), '--engine', fastEngine], { from: 'user' });
    } finally {
      vi.restoreAllMocks();
    }
    const exitCode = process.exitCode;
    process.exitCode = undefined;
    expect(exitCode ?? 0, said.join('')).toBe(0);
    expect(said.join('').trim(), 'it says something').not.toBe('');
  });
});

/** A documented command as somebody would type it here. An option that stands for nothing goes with its value. */
function typed({ command, with: own = {}, also = [] }: Run): string[] {
  const meaning: Record<string, string> = { ...LETTERS, ...own };
  const words = wordsOf(command).slice(1);
  const left = words.flatMap((word, at) =>
    meaning[words[at - 1] ?? ''] === '' && words[at - 1]!.startsWith('--') ? [] : (meaning[word] ?? word),
  );
  return [...left.filter((word) => word !== ''), ...also];
}
