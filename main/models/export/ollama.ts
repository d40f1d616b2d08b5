import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeTextAtomically } from '../atomic-file.ts';
import { readChatTemplates } from './chat-template.ts';
import { folderBytes, unfinishedExport, writeExportFolder } from './export-destination.ts';
import { type ExportedGguf, exportGguf, type GgufExportOptions } from '../gguf/export-gguf.ts';
import { openGguf } from '../gguf/read-gguf.ts';
import { KNOWN_FORMS, ollamaTemplate } from './ollama-template.ts';

const MODEL_FILE = 'model.gguf';
/** Ollama keeps room for so many tokens; a model's own context may be so long that the memory of a computer does not hold it. */
const LARGEST_CONTEXT = 8192;
const MAX_LICENCE_BYTES = 1_000_000;

/**
 * Writes a model as a folder for Ollama: a GGUF file and a Modelfile, from which `ollama create NAME -f Modelfile` makes the model.
 * @param partial where it is written at first, for a caller that may have to end in the middle and remove it.
 * @throws StrataError as {@link exportGguf}, and BAD_INPUT when the destination is a file or a folder with something in it.
 */
export async function exportOllama(
  modelDirectory: string,
  destination: string,
  options: GgufExportOptions,
  partial = unfinishedExport(destination),
): Promise<ExportedGguf> {
  return writeExportFolder(destination, partial, async () => {
    const exported = await exportGguf(modelDirectory, join(partial, MODEL_FILE), options, join(partial, 'unfinished'));
    await writeTextAtomically(join(partial, 'Modelfile'), await modelfile(modelDirectory, join(partial, MODEL_FILE)));
    return { ...exported, path: resolve(destination), format: 'ollama', bytes: await folderBytes(partial) };
  });
}

/**
 * The Modelfile for a GGUF file beside it (ollama/ollama, "Modelfile Reference"): its name, the chat template where it is one of the known
 * forms, what ends an answer, the room for a conversation, and the licence.
 */
async function modelfile(modelDirectory: string, file: string): Promise<string> {
  const { metadata, close } = await openGguf(file);
  await close();
  const texts = metadata.get('tokenizer.ggml.tokens') as readonly string[];
  const special = (name: string): string => {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof id === 'number' ? (texts[id] ?? '') : '';
  };
  const jinja = (await readChatTemplates(modelDirectory)).get('default');
  const known = jinja === undefined ? null : ollamaTemplate(jinja, { start: special('bos'), end: special('eos') });
  const lines = [`FROM ./${MODEL_FILE}`];
  if (known) lines.push(`# The chat template is of the form ${known.form}.`, `TEMPLATE """${known.template}"""`);
  else if (jinja === undefined) lines.push('# The model has no chat template: it continues a text.');
  else {
    lines.push(
      `# The chat template is none of ${KNOWN_FORMS.join(', ')}, so there is no TEMPLATE here: Ollama takes what it`,
      '# makes of tokenizer.chat_template in the GGUF file.',
    );
  }
  const stops = new Set([special('eos'), special('eot'), ...(known?.stops ?? [])].filter((text) => text !== '' && !/["\n]/.test(text)));
  for (const stop of stops) lines.push(`PARAMETER stop "${stop}"`);
  lines.push(`PARAMETER num_ctx ${Math.min(metadata.get('llama.context_length') as number, LARGEST_CONTEXT)}`);
  const licence = await readLicence(modelDirectory);
  if (licence !== null) lines.push(`LICENSE """${licence}"""`);
  return lines.join('\n') + '\n';
}

/** The text of the model's licence, where it has one that a Modelfile can quote. */
async function readLicence(directory: string): Promise<string | null> {
  const name = (await readdir(directory)).sort().find((entry) => /^LICEN[CS]E(\.(txt|md))?$/i.test(entry));
  if (name === undefined) return null;
  const info = await stat(join(directory, name));
  if (!info.isFile() || info.size > MAX_LICENCE_BYTES) return null;
  const text = (await readFile(join(directory, name), 'utf8')).trim();
  return text === '' || text.includes('"""') ? null : text;
}
