import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expandedBlocks } from '../../shared/domain/plan.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { Engine } from '../engine/engine.ts';
import { type Llama, parametersOf } from '../llama/parameters.ts';
import { writeExpansionFile } from '../models/expansion-file.ts';
import { copySmallFiles, writeConfig } from '../models/expand-folder.ts';
import type { ModelFolder } from '../models/model-folder.ts';
import { type SafetensorsEntry, writeSafetensors } from '../models/safetensors.ts';

/**
 * Writes a trained model as a Hugging Face folder: what was trained as 32-bit floats, every frozen tensor byte for byte as
 * the base has it, config, tokenizer and the plan. The folder appears under its name only when it is complete.
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
  const partial = `${destination}.partial`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const layout = configuration.plan ? expandedBlocks(configuration.plan) : null;
    const entries = parametersOf(model).map(({ name, shape, variable }): SafetensorsEntry => {
      if (variable) {
        const data = async (): Promise<Float32Array> => {
          const value = engine.keep(variable.read());
          const values = (await engine.read(value)) as Float32Array;
          engine.dispose(value);
          return values;
        };
        return { name, shape: [...shape], dtype: 'F32', data };
      }
      const source = layout ? name.replace(/layers\.(\d+)\./, (_, position) => `layers.${layout[Number(position)]!.base}.`) : name;
      return { name, shape: [...shape], dtype: folder.dtypeOf(source), data: () => folder.readBytes(source) };
    });
    await writeSafetensors(join(partial, 'model.safetensors'), entries, { format: 'pt' });
    await writeConfig(partial, folder, model.config, 'float32');
    await copySmallFiles(folder.directory, partial);
    if (configuration.plan) {
      await writeExpansionFile(partial, {
        schemaVersion: 1,
        base: { name: configuration.baseModel.name, hash: configuration.baseModel.hash },
        plan: configuration.plan,
        training: {
          method: configuration.method,
          datasets: configuration.datasets.map(({ name, role, hash }) => ({ name, role, hash })),
          replayShare: configuration.replayShare,
          ...training,
        },
      });
    }
    await rm(destination, { recursive: true, force: true });
    await rename(partial, destination);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
