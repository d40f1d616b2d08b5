import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExpansionStep } from '../../shared/domain/expansion.ts';
import { blockOfTensor } from '../../shared/domain/llama-tensors.ts';
import { type Method, planOf } from '../../shared/domain/method.ts';
import { expandedBlocks } from '../../shared/domain/plan.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { type Llama, type LinearParameter, mergedWeight, type Parameter, parametersOf } from '../llama/parameters.ts';
import { writeAdapter } from '../models/adapter-folder.ts';
import { extendedBy, writeExpansionFile } from '../models/expansion/expansion-file.ts';
import { writeConfig } from '../models/derived-config.ts';
import { copySmallFiles } from '../models/small-files.ts';
import type { ModelFolder } from '../models/model-folder.ts';
import { type SafetensorsEntry, writeSafetensors } from '../models/safetensors.ts';
import { hashedPieces, hashOf } from '../models/tensor-hash.ts';

/**
 * Writes a trained model as a Hugging Face folder: what was trained as 32-bit floats, adapters merged into the matrices that carry them,
 * every other tensor byte for byte as the base has it, config, tokenizer and how it was made; adapters in peft's format in a folder of
 * their own. The folder appears under its name only when it is complete.
 */
export async function saveTrainedModel(options: {
  engine: Engine;
  /** The base's folder, open. */
  folder: ModelFolder;
  model: Llama;
  configuration: RunConfiguration;
  destination: string;
  /** The run; null outside a workspace. */
  run: { id: string; name: string } | null;
  /** Kept with the plan, so that the model knows how it came about. Tokens by the datasets' ids. */
  training: { steps: number; tokens: Record<string, number>; gain: number; forgetting: number | null };
}): Promise<void> {
  const { engine, folder, model, configuration, destination, run, training } = options;
  const { method, baseModel } = configuration;
  const [frozen, changed]: [Record<string, string>, Record<string, string>] = [{}, {}];
  const partial = `${destination}.partial`;
  const isAdapter = adaptersOf(model);
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const sourceOf = sourceNames(method);
    const entries = parametersOf(model)
      .filter((parameter) => !isAdapter.has(parameter))
      .map((parameter: Parameter & Partial<LinearParameter>): SafetensorsEntry => {
        const { name, shape, variable, adapter } = parameter;
        const onHash = (hash: string): void => void (changed[name] = hash);
        if (adapter) return floats(engine, parameter, () => mergedWeight(engine, parameter), onHash);
        if (variable) return floats(engine, parameter, () => engine.keep(variable.read()), onHash);
        const source = sourceOf(name);
        const dtype = folder.dtypeOf(source);
        const data = (): AsyncIterable<Uint8Array> => hashedPieces(folder.readPieces(source), dtype, (hash) => (frozen[name] = hash));
        return { name, shape: [...shape], dtype, data };
      });
    await writeSafetensors(join(partial, 'model.safetensors'), entries, { format: 'pt' });
    if (method.name === 'lora') {
      const adapters = [...isAdapter].map((parameter) => floats(engine, parameter, () => engine.keep(parameter.variable!.read())));
      await writeAdapter(partial, method, baseModel.name, adapters);
    }
    const plan = planOf(method);
    await writeConfig(partial, folder, model.config, { dtype: 'float32', ...(plan && { layout: expandedBlocks(plan) }) });
    await copySmallFiles(folder.directory, partial);
    const step = stepOf(configuration, run, training);
    await writeExpansionFile(partial, extendedBy(folder.expansion, step, { frozen, changed }));
    await rm(destination, { recursive: true, force: true });
    await rename(partial, destination);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** What the run was to the model: kept in its file. */
function stepOf(
  { method, baseModel, datasets, replayShare, importance }: RunConfiguration,
  run: { id: string; name: string } | null,
  { steps, tokens, gain, forgetting }: { steps: number; tokens: Record<string, number>; gain: number; forgetting: number | null },
): ExpansionStep {
  const total = Object.values(tokens).reduce((sum, count) => sum + count, 0);
  return {
    id: run?.id ?? null,
    name: run?.name ?? null,
    base: { name: baseModel.name, hash: baseModel.hash },
    method,
    importance: importance ?? null,
    training: {
      run: run?.id ?? null,
      datasets: datasets.map(({ id, name, role, hash }) => {
        const count = tokens[id] ?? 0;
        return { name, role, hash, tokens: count, share: total > 0 ? count / total : 0 };
      }),
      replayShare,
      steps,
      tokens: total,
      gain,
      forgetting,
    },
  };
}

/** Parameters that belong to adapters, in the order of the model. */
function adaptersOf(model: Llama): ReadonlySet<Parameter> {
  const carriers = parametersOf(model) as (Parameter & Partial<LinearParameter>)[];
  return new Set(carriers.flatMap(({ adapter }) => (adapter ? [adapter.a, adapter.b] : [])));
}

/** For a tensor of the trained model, the tensor of the base that it is or copies. */
function sourceNames(method: Method): (name: string) => string {
  const plan = planOf(method);
  if (!plan) return (name) => name;
  const layout = expandedBlocks(plan);
  return (name) => {
    const position = blockOfTensor(name);
    return position === null ? name : name.replace(/layers\.\d+\./, `layers.${layout[position]!.base}.`);
  };
}

/** A tensor to be written as 32-bit floats. `value` gives one that is freed here; `onHash` is told what expansion.json writes down of it. */
function floats(
  engine: Engine,
  { name, shape }: Parameter,
  value: () => Tensor,
  onHash: (hash: string) => void = () => undefined,
): SafetensorsEntry {
  const data = async (): Promise<Float32Array> => {
    const tensor = value();
    try {
      const values = (await engine.read(tensor)) as Float32Array;
      onHash(hashOf('F32', values));
      return values;
    } finally {
      engine.dispose(tensor);
    }
  };
  return { name, shape: [...shape], dtype: 'F32', data };
}
