import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { blockOfTensor, EMBEDDING_TENSOR, HEAD_TENSOR, llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../shared/errors.ts';
import { isFloatDtype, type SafetensorsFile } from './safetensors.ts';

/** Whether the tensors of a folder are those that its config.json describes. */

/** Buffers that some exporters store beside the weights; they are computed, not read. */
const IGNORED_TENSORS = /rotary_emb\.inv_freq$/;

/** A tied model may store its one table under either name. */
export function storedName(name: string, { tiedEmbeddings }: LlamaConfig, tensors: ReadonlyMap<string, unknown>): string {
  if (!tiedEmbeddings || tensors.has(name)) return name;
  if (name === HEAD_TENSOR) return EMBEDDING_TENSOR;
  return name === EMBEDDING_TENSOR && tensors.has(HEAD_TENSOR) ? HEAD_TENSOR : name;
}

/**
 * Checks that exactly the tensors of the architecture are there, in their shapes and in a type that is computed with.
 * @throws StrataError CORRUPT where the configuration and the tensors disagree, UNSUPPORTED for tensors that no LLaMA has or another type.
 */
export function checkTensors(
  directory: string,
  config: LlamaConfig,
  architecture: string,
  files: ReadonlyMap<string, SafetensorsFile>,
): void {
  const expected = new Map(llamaTensors(config).map(({ name, shape }) => [storedName(name, config, files), shape]));
  const missing = [...expected.keys()].filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new StrataError('CORRUPT', 'The model is not complete: tensors are missing.', {
      found: `no ${some(missing)}`,
      allowed: `the ${expected.size} tensors of a ${config.blocks}-block ${architecture}`,
      hint: hintForMissing(missing, [...files.keys()], config, directory),
    });
  }
  const extra = [...files.keys()].filter(
    (name) => !expected.has(name) && !IGNORED_TENSORS.test(name) && !(config.tiedEmbeddings && name === HEAD_TENSOR),
  );
  if (extra.length > 0) {
    const code = extra.every((name) => LLAMA_TENSOR.test(name)) ? 'CORRUPT' : 'UNSUPPORTED'; // a wrong number, or another kind of model
    throw new StrataError(code, 'The model has tensors that its configuration does not explain.', {
      found: some(extra),
      allowed: `the ${expected.size} tensors of a ${config.blocks}-block ${architecture} ${biasesOf(config)}`,
      hint: `Computing without them would give other results. ${hintForExtra(extra, config)}`,
    });
  }
  for (const [name, shape] of expected) {
    const tensor = files.get(name)!.tensors.get(name)!;
    if (tensor.shape.join() !== shape.join()) {
      const isTable = name === EMBEDDING_TENSOR || name === HEAD_TENSOR;
      const isVocabulary = isTable && tensor.shape[1] === shape[1];
      throw new StrataError(
        'CORRUPT',
        isVocabulary ? 'The vocabulary size in config.json is not that of the weights.' : `Tensor ${name} has the wrong shape.`,
        {
          found: `${name} of shape [${tensor.shape.join(', ')}]`,
          allowed: `[${shape.join(', ')}], as config.json says`,
          hint: 'config.json and the weights must be of one model: download both again.',
        },
      );
    }
    if (!isFloatDtype(tensor.dtype)) {
      throw new StrataError('UNSUPPORTED', `Tensor ${name} is stored in a format Strata does not compute with.`, {
        found: tensor.dtype,
        allowed: 'F32, F16, BF16',
        hint: 'Use the weights as they were before they were quantised.',
      });
    }
  }
}

/** A tensor of a LLaMA, of however many blocks and with whatever biases. */
const LLAMA_TENSOR =
  /^(lm_head\.weight|model\.layers\.\d+\.((input|post_attention)_layernorm\.weight|(self_attn\.[qkvo]|mlp\.(gate|up|down))_proj\.(weight|bias)))$/;

function biasesOf({ attentionBias, mlpBias }: LlamaConfig): string {
  const where = [...(attentionBias ? ['attention'] : []), ...(mlpBias ? ['MLP'] : [])];
  return where.length === 0 ? 'without biases' : `with biases in ${where.join(' and ')} only`;
}

/** Fields of config.json that say whether there are tensors, with those tensors. */
const BIASES = [
  { field: 'attention_bias', of: /\.self_attn\.[qkvo]_proj\.bias$/ },
  { field: 'mlp_bias', of: /\.mlp\.(gate|up|down)_proj\.bias$/ },
];

/** The fields that explain all of these tensors; null when one of them is no bias. */
function fieldsOf(names: readonly string[]): string[] | null {
  if (!names.every((name) => BIASES.some(({ of }) => of.test(name)))) return null;
  return BIASES.filter(({ of }) => names.some((name) => of.test(name))).map(({ field }) => field);
}

/** What to do where tensors are missing: the field of config.json that asks for just these, or the weights. */
function hintForMissing(missing: readonly string[], present: readonly string[], config: LlamaConfig, directory: string): string {
  const again = `Otherwise download the weights in ${directory} again.`;
  const fields = fieldsOf(missing);
  // Where some biases are there, the model has them, and the others were lost.
  const hasNone = !present.some((name) => BIASES.some(({ field, of }) => fields?.includes(field) && of.test(name)));
  if (fields && hasNone) {
    return `Is ${fields.join(' and ')} (true) in config.json right? A model without biases has false there. ${again}`;
  }
  if (missing.every((name) => name === HEAD_TENSOR)) {
    return `Is tie_word_embeddings (false) in config.json right? A model whose head is its embedding has true there. ${again}`;
  }
  const blocks = new Set(missing.map(blockOfTensor));
  const lowest = Math.min(...[...blocks].map((block) => block ?? 0));
  const perBlock = llamaTensors(config).filter(({ name }) => blockOfTensor(name) === 0).length;
  const areLastBlocks = !blocks.has(null) && missing.length === (config.blocks - lowest) * perBlock;
  if (areLastBlocks) {
    return `Is num_hidden_layers (${config.blocks}) in config.json right? The weights hold ${lowest} blocks. ${again}`;
  }
  return `Download the weights in ${directory} again.`;
}

function hintForExtra(extra: readonly string[], { blocks }: LlamaConfig): string {
  if (extra.every((name) => (blockOfTensor(name) ?? 0) >= blocks)) {
    return `Is num_hidden_layers (${blocks}) in config.json right? The weights hold more blocks.`;
  }
  const fields = fieldsOf(extra);
  if (fields) return `Is ${fields.join(' and ')} (false) in config.json right? A model with these biases has true there.`;
  return 'Is the architecture in config.json right? Other kinds of models have tensors that a LLaMA has not.';
}

/** The first of many names, and how many more there are. */
export function some(names: readonly string[], separator = ', '): string {
  return names.slice(0, 3).join(separator) + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}
