import { cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Method } from '../../shared/domain/method.ts';
import { type SafetensorsEntry, writeSafetensors } from './safetensors.ts';

/** Where a model keeps the adapter that was merged into it: not beside its weights, where transformers would apply it a second time. */
export const ADAPTER_FOLDER = 'adapter';

/**
 * Writes an adapter as peft does, below the model's folder: `PeftModel.from_pretrained(base, folder)` puts it on the base.
 * @param baseName what the adapter's settings call the base.
 * @param adapters the matrices A and B, by their names in the model.
 */
export async function writeAdapter(
  modelDirectory: string,
  { rank, alpha, targets }: Extract<Method, { name: 'lora' }>,
  baseName: string,
  adapters: readonly SafetensorsEntry[],
): Promise<void> {
  const directory = join(modelDirectory, ADAPTER_FOLDER);
  await mkdir(directory);
  const settings = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseName,
    r: rank,
    lora_alpha: alpha,
    target_modules: targets,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    inference_mode: true,
  };
  await writeFile(join(directory, 'adapter_config.json'), JSON.stringify(settings, null, 2) + '\n');
  const entries = adapters.map((entry) => ({ ...entry, name: `base_model.model.${entry.name}` }));
  await writeSafetensors(join(directory, 'adapter_model.safetensors'), entries, { format: 'pt' });
}

/** Takes a model's adapter along, if it has one. */
export async function copyAdapter(source: string, destination: string): Promise<void> {
  const directory = join(source, ADAPTER_FOLDER);
  const found = await stat(directory).catch(() => null);
  if (found) await cp(directory, join(destination, ADAPTER_FOLDER), { recursive: true });
}
