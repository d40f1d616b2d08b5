import { readdir, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { lastStep } from '../../../shared/domain/expansion.ts';
import { blockOfTensor, llamaTensors } from '../../../shared/domain/llama-tensors.ts';
import { expandedBlocks } from '../../../shared/domain/plan.ts';
import { derivedConfig } from '../derived-config.ts';
import { isSmallFile } from '../small-files.ts';
import { isZeroedInCopies } from './zeroed-tensors.ts';
import type { ModelFolder } from '../model-folder.ts';
import { byteLength, sameBytes, zeroPieces } from '../safetensors.ts';

/**
 * Compares what an expansion inserted with what it must be as long as it is not trained: copies of the base's blocks, and zeros where a
 * copy would add to the stream.
 * @returns the names of the tensors that were compared, and of those that are something else. Nothing is compared in a model that was trained or
 * composed.
 */
export async function compareInserted(model: ModelFolder, base: ModelFolder): Promise<{ compared: string[]; different: string[] }> {
  const different: string[] = [];
  const compared: string[] = [];
  const { training, composition } = model.expansion ? lastStep(model.expansion) : {};
  if (!model.plan || training || composition) return { compared, different };
  const layout = expandedBlocks(model.plan);
  for (const { name, shape } of llamaTensors(model.config)) {
    const block = layout[blockOfTensor(name) ?? -1];
    if (!block?.inserted) continue;
    const dtype = model.dtypeOf(name);
    const source = name.replace(/layers\.\d+/, `layers.${block.base}`);
    const expected = isZeroedInCopies(name) ? zeroPieces(byteLength(shape, dtype)) : base.readPieces(source);
    compared.push(name);
    if (dtype !== base.dtypeOf(source) || !(await sameBytes(model.readPieces(name), expected))) different.push(name);
  }
  return { compared, different };
}

/** The element types that a copy has where the expansion wrote others: its bytes and logits differ from the base's by rounding. */
export function convertedTypes({ expansion, config, dtypeOf }: ModelFolder): string[] {
  const recorded = { ...expansion?.frozen, ...expansion?.changed };
  const types = llamaTensors(config).flatMap(({ name }) => {
    const [type] = recorded[name]?.split(' ') ?? [];
    return type === undefined || type === dtypeOf(name) ? [] : [`${dtypeOf(name)} instead of ${type}`];
  });
  return [...new Set(types)];
}

/** What an expanded model's config.json says otherwise than its base's and its plan make it: the fields, with both values. */
export function configDifferences(model: ModelFolder, base: ModelFolder): string[] {
  const layout = model.plan ? { layout: expandedBlocks(model.plan) } : {};
  const expected = derivedConfig(base, { ...base.config, blocks: model.config.blocks }, layout);
  const fields = [...new Set([...Object.keys(expected), ...Object.keys(model.configJson)])];
  return fields
    .filter((field) => !TYPE_FIELDS.has(field) && !isDeepStrictEqual(expected[field], model.configJson[field]))
    .map((field) => `${field} in config.json is ${json(model.configJson[field])} instead of ${json(expected[field])}.`);
}

/** Training makes the weights that it changes 32-bit floats. */
const TYPE_FIELDS: ReadonlySet<string> = new Set(['torch_dtype', 'dtype']);

function json(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 200);
}

/** The names of the base's files beside its weights (tokenizer, chat template, generation settings) that the model has not, or others. */
export async function differentCompanions(modelDirectory: string, baseDirectory: string): Promise<string[]> {
  const names = (await readdir(baseDirectory)).filter(isSmallFile);
  const different: string[] = [];
  for (const name of names) {
    const [expected, found] = await Promise.all(
      [baseDirectory, modelDirectory].map((directory) => readFile(join(directory, name)).catch(() => null)),
    );
    if (!found || !expected?.equals(found)) different.push(name);
  }
  return different;
}
