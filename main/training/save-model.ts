import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blockOfTensor } from '../../shared/domain/llama-tensors.ts';
import { type Method, planOf } from '../../shared/domain/method.ts';
import { expandedBlocks } from '../../shared/domain/plan.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { type Llama, type LinearParameter, mergedWeight, type Parameter, parametersOf } from '../llama/parameters.ts';
import { writeAdapter } from '../models/adapter-folder.ts';
import { writeExpansionFile } from '../models/expansion-file.ts';
import { copySmallFiles, writeConfig } from '../models/expand-folder.ts';
import type { ModelFolder } from '../models/model-folder.ts';
import { type SafetensorsEntry, writeSafetensors } from '../models/safetensors.ts';

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
  /** Kept with the plan, so that the model knows how it came about. */
  training: { steps: number; tokens: Record<string, number>; gain: number; forgetting: number | null };
}): Promise<void> {
  const { engine, folder, model, configuration, destination, training } = options;
  const { method, baseModel } = configuration;
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
        if (adapter) return floats(engine, parameter, () => mergedWeight(engine, parameter));
        if (variable) return floats(engine, parameter, () => engine.keep(variable.read()));
        const source = sourceOf(name);
        return { name, shape: [...shape], dtype: folder.dtypeOf(source), data: () => folder.readPieces(source) };
      });
    await writeSafetensors(join(partial, 'model.safetensors'), entries, { format: 'pt' });
    if (method.name === 'lora') {
      const adapters = [...isAdapter].map((parameter) => floats(engine, parameter, () => engine.keep(parameter.variable!.read())));
      await writeAdapter(partial, method, baseModel.name, adapters);
    }
    const plan = planOf(method);
    await writeConfig(partial, folder, model.config, { dtype: 'float32', ...(plan && { layout: expandedBlocks(plan) }) });
    await copySmallFiles(folder.directory, partial);
    await writeExpansionFile(partial, {
      schemaVersion: 2,
      base: { name: baseModel.name, hash: baseModel.hash },
      method,
      training: {
        datasets: configuration.datasets.map(({ name, role, hash }) => ({ name, role, hash })),
        replayShare: configuration.replayShare,
        ...training,
      },
    });
    await rm(destination, { recursive: true, force: true });
    await rename(partial, destination);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
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

/** A tensor to be written as 32-bit floats. `value` gives one that is freed here. */
function floats(engine: Engine, { name, shape }: Parameter, value: () => Tensor): SafetensorsEntry {
  const data = async (): Promise<Float32Array> => {
    const tensor = value();
    try {
      return (await engine.read(tensor)) as Float32Array;
    } finally {
      engine.dispose(tensor);
    }
  };
  return { name, shape: [...shape], dtype: 'F32', data };
}
