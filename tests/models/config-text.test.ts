import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configText } from '../../main/models/config-text.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { exportHuggingFace } from '../../main/models/export/export-model.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { rawModel, writeRawModel } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

describe('the text of a configuration', () => {
  it('is that of JSON.stringify but for its fractions', () => {
    const json = { a: [1, [], {}, null, true, 'é"\n'], b: { c: -0.5, d: { e: 1e21 } }, '2': undefined, f: [undefined, { g: 3 }] };
    expect(configText(json)).toBe(JSON.stringify(json, null, 2) + '\n');
  });

  it('has a decimal point in what is a fraction by its meaning', () => {
    const text = configText({ hidden_size: 64, rope_theta: 10_000, rms_norm_eps: 1e-7, rope_scaling: { factor: 4, rope_type: 'linear' } });
    expect(text).toContain('"hidden_size": 64,');
    expect(text).toContain('"rope_theta": 10000.0,');
    expect(text).toContain('"rms_norm_eps": 1e-7,');
    expect(text).toContain('"factor": 4.0,');
  });

  it('keeps numbers as its source has them, at their places, unless they are others now', () => {
    const source = '{"rope_theta": 5e5, "rms_norm_eps": 1e-05, "custom": [1.0, 2.0, 3], "rope_scaling": {"factor": 4}, "custom_2": 1.0}';
    const json = { rope_theta: 500_000, rms_norm_eps: 1e-5, custom: [1, 2.5], rope_scaling: { factor: 4 }, custom_2: 2, other: 1 };
    expect(configText(json, source).replaceAll(/\s+/g, ' ')).toBe(
      '{ "rope_theta": 5e5, "rms_norm_eps": 1e-05, "custom": [ 1.0, 2.5 ], "rope_scaling": { "factor": 4 }, "custom_2": 2, "other": 1 } ',
    );
  });
});

it('an exported and an expanded model have the numbers of config.json as they were written', async () => {
  const model = rawModel();
  await writeRawModel(join(folder.path, 'model'), model);
  const scaling = '"rope_scaling": {"rope_type": "linear", "factor": 4.0}';
  const text = JSON.stringify({ ...model.config, rope_theta: 'THETA', rms_norm_eps: 'EPS' })
    .replace('"THETA"', '500000.0')
    .replace('"EPS"', '1e-05')
    .replace(/}$/, `, ${scaling}}`);
  await folder.write('model/config.json', text);
  await exportHuggingFace(join(folder.path, 'model'), join(folder.path, 'exported'));
  await expandModelFolder(join(folder.path, 'model'), join(folder.path, 'expanded'), planExpansion(3, undefined, [1]), {
    name: 'm',
    hash: 'h',
  });
  for (const name of ['exported', 'expanded']) {
    const written = await readFile(join(folder.path, name, 'config.json'), 'utf8');
    for (const number of ['"factor": 4.0', '"rope_theta": 500000.0', '"rms_norm_eps": 1e-05']) expect(written).toContain(number);
  }
});
