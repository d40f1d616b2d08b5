import { describe, expect, it } from 'vitest';
import { DTYPES_OF_FORMAT, EXPORT_FORMATS, parseExportDtype, parseExportFormat, parseSize } from '../../shared/domain/export-format.ts';

describe('a size', () => {
  it.each([
    ['500MB', 500_000_000],
    ['2 gb', 2_000_000_000],
    ['1GiB', 1_073_741_824],
    ['1.5kB', 1500],
    ['64MiB', 67_108_864],
    ['123', 123],
    ['7b', 7],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'MB', '0', '0.2', '-5MB', '5 TB', '1e9', '5MBMB', '9999999999GB', 'Infinity', 'constructor', '5constructor'])(
    '"%s" is none',
    (text) => {
      expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'BAD_INPUT', found: text }) as Error);
    },
  );
});

it('formats are known by their names, in any case', () => {
  expect(EXPORT_FORMATS.map((format) => parseExportFormat(` ${format.toUpperCase()}`))).toEqual([...EXPORT_FORMATS]);
  expect(() => parseExportFormat('onnx')).toThrow(
    expect.objectContaining({
      found: 'onnx',
      allowed: 'huggingface, gguf, ollama, pack',
      hint: expect.stringContaining('gguf or ollama for programs that run models locally') as string,
    }) as Error,
  );
});

it('element types are those of the format, and others are refused with the list', () => {
  for (const format of EXPORT_FORMATS) {
    for (const dtype of DTYPES_OF_FORMAT[format]) expect(parseExportDtype(dtype.toLowerCase(), format)).toBe(dtype);
    expect(() => parseExportDtype('q2_k', format)).toThrow(
      expect.objectContaining({
        code: 'BAD_INPUT',
        found: 'q2_k',
        hint: expect.stringMatching(/leave (it|the type) out|Leave the type out/) as string,
      }) as Error,
    );
  }
  expect(() => parseExportDtype('q8_0', 'huggingface')).toThrow(
    expect.objectContaining({
      allowed: 'f32, f16, bf16, or none for what is stored',
      hint: 'Choose a format that has q8_0 (gguf, ollama), or leave the type out.',
    }) as Error,
  );
  expect(() => parseExportDtype('f32', 'pack')).toThrow(
    expect.objectContaining({ allowed: expect.stringContaining('none') as string }) as Error,
  );
});
