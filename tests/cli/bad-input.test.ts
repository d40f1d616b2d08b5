import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../main/models/safetensors.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { randomWeights, shapesOf } from '../support/tiny-llama.ts';
import { byteModelConfig, type TinySources, writeTinyModel, writeTinySources } from '../support/workspace.ts';

/**
 * Input that cannot be right, through the command line, as a person and as a script sees it: which failure, what was found, what is allowed;
 * and the workspace as it was before.
 */

let directory: string;
let home: string;
let strata: StrataHere;
let sources: TinySources;
let before: unknown;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-bad-input-'));
  home = join(directory, 'home');
  strata = new StrataHere(home);
  sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
  await strata.json('data', 'import', sources.oldText);
  // Token shards are made by the first plan: later failures must find them, not make them.
  await strata.json('train', ...TRAIN, '--replay', '0.1', '--steps', '1', '--batch', '2', '--name', 'done', '--engine', fastEngine);
  before = await contentsOf(home);
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(async () => expect(await contentsOf(home), 'the workspace is as it was').toEqual(before));

const TRAIN = ['--model', 'tiny', '--new', 'code', '--old', 'stories'];

test('without --json a failure is told on stderr alone', async () => {
  const { exitCode, stdout, stderr } = await strata.run('train', ...TRAIN, '--replay', '1');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^Error: The replay share .*\n {2}found {4}1\n {2}allowed {2}a number from 0/);
});

describe('a dataset', () => {
  const text = 'A line of text that is long enough to be one.\n'.repeat(300);
  const packed = gzipSync(text, { level: 0 });
  const cases: [what: string, name: string, content: Uint8Array | string | null, code: string, found: RegExp][] = [
    ['that is missing', 'missing.txt', null, 'NOT_FOUND', /missing\.txt/],
    ['that is empty', 'empty.txt', '', 'BAD_INPUT', /empty\.txt: The file is empty/],
    ['that is truncated', 'corpus.txt.gz', packed.subarray(0, packed.length - 20), 'BAD_INPUT', /corpus\.txt\.gz: .*truncated/],
    ['that is binary', 'image.txt', Uint8Array.from({ length: 600 }, (_, index) => index % 256), 'BAD_INPUT', /binary/],
    ['that is not UTF-8', 'umlaut.jsonl', Buffer.from('{"text":"Grüße"}\n', 'latin1'), 'BAD_INPUT', /umlaut\.jsonl: .*UTF-8/],
    ['of a format that is not read', 'table.xlsx', 'PK', 'BAD_INPUT', /does not read \.xlsx/],
    ['of one short document', 'short.txt', 'Hello.', 'BAD_INPUT', /1 document of 6 bytes/],
  ];
  test.each(cases)('%s is refused', async (_what, name, content, code, found) => {
    const path = join(directory, name);
    if (content !== null) await writeFile(path, content);
    const failure = await strata.failure('data', 'import', path);
    expect(failure).toMatchObject({ exitCode: 2, code, found: expect.stringMatching(found) as string });
    expect(failure.allowed).not.toBe('');
  });

  test('is not imported in part when one of the paths is a slip', async () => {
    const failure = await strata.failure('data', 'import', sources.newText, join(directory, 'cod.jsonl'));
    expect(failure).toMatchObject({ exitCode: 2, code: 'NOT_FOUND', found: join(directory, 'cod.jsonl') });
  });
});

describe('a model', () => {
  /** A copy of the tiny model's folder with something changed. */
  async function changed(name: string, change: (folder: string) => Promise<void>): Promise<string> {
    const folder = join(directory, name);
    await writeTinyModel(folder);
    await change(folder);
    return folder;
  }

  /** Writes the weights anew, each tensor's shape as the test wants it; null leaves the tensor out. */
  async function reshape(folder: string, shapeOf: (name: string, shape: number[]) => number[] | null): Promise<void> {
    const weights = randomWeights(byteModelConfig);
    const entries = [...shapesOf(byteModelConfig)].flatMap(([name, shape]) => {
      const wanted = shapeOf(name, shape);
      const length = (wanted ?? []).reduce((product, axis) => product * axis, 1);
      return wanted ? [{ name, shape: wanted, dtype: 'F32' as const, data: () => weights.get(name)!.slice(0, length) }] : [];
    });
    await writeSafetensors(join(folder, 'model.safetensors'), entries);
  }

  async function configure(folder: string, fields: Record<string, unknown>): Promise<void> {
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...fields }));
  }

  const norm = 'model.layers.1.input_layernorm.weight';
  const cases: [what: string, exitCode: number, code: string, found: RegExp, allowed: RegExp, change: (folder: string) => Promise<void>][] =
    [
      [
        'without a tensor',
        1,
        'CORRUPT',
        /model\.layers\.1\.input_layernorm/,
        /39 tensors/,
        (f) => reshape(f, (n, s) => (n === norm ? null : s)),
      ],
      ['with a tensor of another shape', 1, 'CORRUPT', /\[15\]/, /\[16\]/, (f) => reshape(f, (n, s) => (n === norm ? [15] : s))],
      ['with a wrong vocabulary size', 1, 'CORRUPT', /\[258, 16\]/, /\[300, 16\]/, (f) => configure(f, { vocab_size: 300 })],
      [
        'of another architecture',
        2,
        'UNSUPPORTED',
        /GPT2LMHeadModel/,
        /LlamaForCausalLM/,
        (f) => configure(f, { architectures: ['GPT2LMHeadModel'] }),
      ],
      ['whose weights are truncated', 1, 'CORRUPT', /truncated/, /^/, truncate],
      ['without a tokenizer', 2, 'NOT_FOUND', /no tokenizer\.json/, /tokenizer\.json/, (f) => rm(join(f, 'tokenizer.json'))],
      ['with an impossible number', 1, 'CORRUPT', /^vocab_size: 0$/, /^vocab_size: at least 1$/, (f) => configure(f, { vocab_size: 0 })],
      ['with heads that do not fit', 1, 'CORRUPT', /3 key\/value heads/, /a multiple/, (f) => configure(f, { num_key_value_heads: 3 })],
      ['with a config.json that is cut off', 1, 'CORRUPT', /JSON/, /a JSON object/, (f) => writeFile(join(f, 'config.json'), '{"a":')],
      [
        'with settings that are cut off',
        1,
        'CORRUPT',
        /JSON/,
        /a JSON object/,
        (f) => writeFile(join(f, 'generation_config.json'), '{"eos_token_id":'),
      ],
      [
        'with an end token that it has not',
        1,
        'CORRUPT',
        /^eos_token_id 9999$/,
        /^ids from 0/,
        (f) => configure(f, { eos_token_id: 9999 }),
      ],
      ['whose config.json is a list', 1, 'CORRUPT', /^\[\]$/, /^a JSON object$/, (f) => writeFile(join(f, 'config.json'), '[]')],
      [
        'with a link out of its folder',
        2,
        'BAD_INPUT',
        /^a link to .*code/,
        /^files of the folder itself$/,
        async (f) => {
          await rm(join(f, 'tokenizer.json'));
          await symlink(sources.newText, join(f, 'tokenizer.json'));
        },
      ],
      ['of fewer blocks than its weights', 1, 'CORRUPT', /layers\.3/, /3-block/, (f) => configure(f, { num_hidden_layers: 3 })],
      ['of more blocks than its weights', 1, 'CORRUPT', /layers\.4/, /5-block/, (f) => configure(f, { num_hidden_layers: 5 })],
      [
        'without one of its shards',
        1,
        'CORRUPT',
        /^no b\.safetensors$/,
        /^all 2 files/,
        async (f) => {
          await rename(join(f, 'model.safetensors'), join(f, 'a.safetensors'));
          const weight_map = { a: 'a.safetensors', b: 'b.safetensors' };
          await writeFile(join(f, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
        },
      ],
      ['without weights', 2, 'NOT_FOUND', /^no weight files$/, /model\.safetensors/, (f) => rm(join(f, 'model.safetensors'))],
      ['that is not there', 2, 'NOT_FOUND', /that is not there/, /config\.json/, (f) => rm(f, { recursive: true })],
    ];
  test.each(cases)('%s is refused', async (what, exitCode, code, found, allowed, change) => {
    const failure = await strata.failure('model', 'import', await changed(what, change));
    expect(failure).toMatchObject({ exitCode, code, found: expect.stringMatching(found) as string });
    expect(failure.allowed ?? '').toMatch(allowed);
  });

  test('that is an archive by the name of a GGUF file is as any other archive', async () => {
    const path = join(directory, 'z.gguf');
    await writeFile(path, Buffer.from('PK\x03\x04 and more', 'latin1'));
    const failure = await strata.failure('model', 'import', path);
    expect(failure).toMatchObject({ exitCode: 2, code: 'UNSUPPORTED', found: 'z.gguf, a zip archive' });
  });

  async function truncate(folder: string): Promise<void> {
    const path = join(folder, 'model.safetensors');
    await writeFile(path, (await readFile(path)).subarray(0, -1000));
  }
});

describe('a run', () => {
  const cases: [what: string, args: string[], code: string, found: RegExp, allowed: RegExp][] = [
    ['a plan that does not fit the model', ['--at', '4'], 'BAD_INPUT', /after block 4/, /0 to 3/],
    ['a place that is none', ['--at', 'sideways'], 'BAD_INPUT', /sideways/, /even, top, bottom/],
    ['a replay share of 1', ['--replay', '1'], 'BAD_INPUT', /^1$/, /from 0 up to, but not including, 1/],
    ['a negative replay share', ['--replay', '-0.1'], 'BAD_INPUT', /^-0\.1$/, /from 0 up to/],
    ['a replay share of NaN', ['--replay', 'NaN'], 'BAD_INPUT', /^NaN$/, /a number such as 0\.1/],
    ['a replay share that is no number', ['--replay', 'abc'], 'BAD_INPUT', /^abc$/, /a number such as 0\.1/],
    ['no steps', ['--steps', '0'], 'BAD_INPUT', /^0$/, /whole number from 1/],
    ['two lengths', ['--steps', '5', '--tokens', '500'], 'BAD_INPUT', /steps and tokens/, /one of/],
    ['a context longer than the model reads', ['--context', '100000'], 'BAD_INPUT', /100000 tokens/, /2 to 64 tokens/],
    ['a batch of thousands', ['--batch', '5000'], 'BAD_INPUT', /batch 5000/, /4096/],
    [
      'an engine that does not exist',
      ['--engine', 'nonsense'],
      'BAD_INPUT',
      /nonsense/,
      /auto, tensorflow-gpu, tensorflow-cpu, webgpu, wasm, cpu/,
    ],
    ['a method that does not exist', ['--method', 'magic'], 'BAD_INPUT', /magic/, /expand, lora, full, freeze/],
    ['an option of another method', ['--method', 'full', '--rank', '8'], 'BAD_INPUT', /^--rank 8$/, /no options with full/],
    ['adapters where none can be', ['--method', 'lora', '--targets', 'q_proj,lm_head'], 'BAD_INPUT', /^lm_head$/, /q_proj, k_proj/],
    [
      'blocks that do not exist',
      ['--method', 'freeze', '--train-blocks', 'top:9'],
      'BAD_INPUT',
      /^top:9$/,
      /top:N or bottom:N with N from 1 to 4/,
    ],
    ['no blocks to train', ['--method', 'freeze'], 'BAD_INPUT', /^none$/, /positions from 0 to 3/],
    ['a setting of no possible value', ['--set', 'schedule=triangle'], 'BAD_INPUT', /schedule=triangle/, /schedule=cosine\|wsd/],
    ['a setting with more behind its value', ['--set', 'decay=0.2=7'], 'BAD_INPUT', /decay=0\.2=7/, /decay=NUMBER/],
    ['a setting given twice', ['--set', 'warmup=0.1', 'warmup=0.2'], 'BAD_INPUT', /warmup=0\.2/, /each setting once/],
    [
      'a limit on forgetting that cannot be',
      ['--guard', 'loss<0.05'],
      'BAD_INPUT',
      /^loss<0\.05$/,
      /MEASURE<=LIMIT:ACTION with loss, percent/,
    ],
    ['a setting that does not exist', ['--set', 'speed=9'], 'BAD_INPUT', /speed=9/, /weightDecay=/],
  ];
  test.each(cases)('with %s is refused', async (_what, args, code, found, allowed) => {
    const failure = await strata.failure('train', ...TRAIN, ...args);
    expect(failure).toMatchObject({ exitCode: 2, code, found: expect.stringMatching(found) as string });
    expect(failure.allowed ?? '').toMatch(allowed);
  });

  test('with a replay share and no old data is refused', async () => {
    const failure = await strata.failure('train', '--model', 'tiny', '--new', 'code', '--replay', '0.1');
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: 'a replay share of 0.1 and no old dataset' });
    expect(failure.hint).toContain('--old');
  });

  test('with one dataset in both roles is refused', async () => {
    const failure = await strata.failure('train', '--model', 'tiny', '--new', 'code', '--old', 'code');
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: 'code' });
  });

  test('that is over can be neither paused nor resumed', async () => {
    expect(await strata.failure('run', 'pause', 'done')).toMatchObject({ exitCode: 2, code: 'CONFLICT', found: 'run "done" is done' });
    expect(await strata.failure('run', 'resume', 'done')).toMatchObject({ exitCode: 2, code: 'CONFLICT', found: 'run "done" is done' });
  });

  test('alone cannot be compared', async () => {
    expect(await strata.failure('run', 'compare', 'done')).toMatchObject({ exitCode: 2, allowed: 'two runs or more' });
  });
});

describe('a name that nothing has', () => {
  test.each([
    ['model', ['model', 'show', 'tinny']],
    ['model', ['train', '--model', 'tinny', '--new', 'code']],
    ['dataset', ['train', '--model', 'tiny', '--new', 'cod']],
    ['run', ['run', 'show', 'don']],
  ])('of a %s is answered with those there are: %o', async (kind, args) => {
    const failure = await strata.failure(...args);
    expect(failure).toMatchObject({ exitCode: 2, code: 'NOT_FOUND', message: expect.stringContaining(`There is no ${kind}`) as string });
    expect(failure.allowed).toMatch({ model: /\(tiny\)/, dataset: /\(code\)/, run: /\(done\)/ }[kind]!);
  });
});

describe('a command line', () => {
  test.each([
    ['an unknown command', ['frobnicate'], /Unknown command 'frobnicate'/],
    ['an unknown command of a group', ['model', 'frobnicate'], /Unknown command 'frobnicate'/],
    ['an unknown option', ['model', 'list', '--frobnicate'], /Unknown option '--frobnicate'/],
    ['a missing option', ['generate', 'tiny'], /'--prompt <text>' not specified/],
    ['a missing argument', ['data', 'import'], /Missing required argument 'paths'/],
  ])('with %s says which', async (_what, args, message) => {
    const failure = await strata.failure(...args);
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', message: expect.stringMatching(message) as string });
    expect(failure.found).toContain(`strata ${args.join(' ')}`);
    expect(failure.hint).toContain('--help');
  });

  test('with an engine that does not exist is refused by every command', async () => {
    expect(await strata.failure('model', 'list', '--engine', 'abacus')).toMatchObject({ exitCode: 2, found: 'abacus' });
  });
});

describe('a file for a command', () => {
  test('that is a folder is not text to measure', async () => {
    const failure = await strata.failure('eval', 'tiny', '--text', directory, '--engine', fastEngine);
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', allowed: expect.stringContaining('UTF-8') as string });
  });

  test('or a dataset is needed to measure a model', async () => {
    const failure = await strata.failure('eval', 'tiny', '--engine', fastEngine);
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', allowed: 'text files, datasets, or both' });
  });

  test('that is damaged is not text to measure', async () => {
    const path = join(directory, 'text.txt.gz');
    await writeFile(path, gzipSync('Some text.').subarray(0, 12));
    const failure = await strata.failure('eval', 'tiny', '--text', path, '--engine', fastEngine);
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', allowed: expect.stringContaining('UTF-8') as string });
  });

  test('that would be overwritten by an export stays as it is', async () => {
    const folder = join(directory, 'mine');
    await mkdir(folder);
    await writeFile(join(folder, 'letter.txt'), 'Dear');
    const failure = await strata.failure('model', 'export', 'tiny', '--out', folder);
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', allowed: expect.stringContaining('does not exist yet') as string });
    expect(await readdir(folder)).toEqual(['letter.txt']);
  });

  test('that stands where a folder is needed is not an export destination', async () => {
    const failure = await strata.failure('model', 'export', 'tiny', '--out', join(sources.newText, 'model'));
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: expect.stringContaining(sources.newText) as string });
  });
});

describe('a workspace', () => {
  /** A copy of the workspace whose database the test changes. */
  async function copyWith(name: string, change: (database: string) => Promise<void> | void): Promise<string> {
    const copy = join(directory, name);
    await cp(home, copy, { recursive: true });
    await change(join(copy, 'strata.db'));
    return copy;
  }

  test('that is a file is refused, and the file is left alone', async () => {
    const failure = await new StrataHere(sources.newText).failure('model', 'list');
    expect(failure).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: expect.stringContaining(sources.newText) as string });
    expect(await readFile(sources.newText, 'utf8')).toContain('// unit 0');
  });

  test.skipIf(process.platform !== 'linux')('where there can be none is refused, and so is an export to there', async () => {
    expect(await new StrataHere('/proc/strata/home').failure('model', 'list')).toMatchObject({ exitCode: 2, code: 'BAD_INPUT' });
    const failure = await strata.failure('model', 'export', 'tiny', '--out', '/proc/strata/model');
    expect(failure).toMatchObject({ exitCode: 2, found: expect.stringContaining('/proc/strata') as string });
  });

  test.each([
    ['overwritten', (path: string) => writeFile(path, 'This is no database. '.repeat(400))],
    ['damaged inside', damageInside],
  ])('with a database that is %s is refused, and the file is left alone', async (what, change) => {
    const copy = await copyWith(what, change);
    const content = await readFile(join(copy, 'strata.db'));
    const failure = await new StrataHere(copy).failure('run', 'list');
    expect(failure).toMatchObject({ exitCode: 1, code: 'CORRUPT', found: expect.stringContaining(join(copy, 'strata.db')) as string });
    expect(failure.hint).toContain('backup');
    expect((await readFile(join(copy, 'strata.db'))).equals(content)).toBe(true);
  });

  test('of a newer Strata is refused, and the file is left alone', async () => {
    const copy = await copyWith('newer', (path) => {
      const database = new Database(path);
      database.pragma('user_version = 999990');
      database.pragma('wal_checkpoint(TRUNCATE)');
      database.close();
    });
    const content = await readFile(join(copy, 'strata.db'));
    const failure = await new StrataHere(copy).failure('train', ...TRAIN);
    expect(failure).toMatchObject({
      exitCode: 2,
      code: 'CONFLICT',
      found: expect.stringContaining('version 999990') as string,
      allowed: expect.stringMatching(/up to version \d+/) as string,
    });
    expect((await readFile(join(copy, 'strata.db'))).equals(content)).toBe(true);
  });

  async function damageInside(path: string): Promise<void> {
    const bytes = await readFile(path);
    bytes.fill(0xff, 4096, bytes.length - 100); // the first page still says that it is a database
    await writeFile(path, bytes);
  }
});

/** Everything in a workspace: its files (the database's own apart), and the rows that the database keeps. */
async function contentsOf(workspace: string): Promise<unknown> {
  const files = (await readdir(workspace, { recursive: true })).filter((name) => !name.startsWith('strata.db')).sort();
  const database = new Database(join(workspace, 'strata.db'), { readonly: true });
  const rows = ['models', 'datasets', 'runs'].map((name) => database.prepare(`SELECT * FROM ${name} ORDER BY id`).all());
  database.close();
  return { files, rows };
}
