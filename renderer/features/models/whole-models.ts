/** The parts of a GGUF model that was split: NAME-00002-of-00003.gguf. */
const PART = /^(.*)-\d{5}(-of-\d{5}\.gguf)$/is;

/** Of files that were dropped together, each model once: any part of a split one stands for all of them. */
export function wholeModels(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  return paths.filter((path) => {
    const model = path.replace(PART, '$1$2');
    if (seen.has(model)) return false;
    seen.add(model);
    return true;
  });
}
