import type { Tensor } from './engine.ts';

/** Tensors in arrays and plain objects, beside numbers, strings, booleans and nulls: what a compiled function takes and gives. */

/** A description that is equal for two trees if and only if they differ in nothing but the values of their tensors. */
export function signatureOf(value: unknown): string {
  if (isTensor(value)) return `${value.dtype}[${String(value.shape)}]`;
  if (Array.isArray(value)) return `[${value.map(signatureOf).join()}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}:${signatureOf(item)}`)
      .join()}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

/** The same tree with each tensor replaced, in a fixed order. */
export function mapTensors<Tree>(tree: Tree, replace: (tensor: Tensor) => Tensor): Tree {
  const visit = (value: unknown): unknown => {
    if (isTensor(value)) return replace(value);
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
    }
    return value;
  };
  return visit(tree) as Tree;
}

/** The tensors of a tree, in the order of {@link mapTensors}. */
export function tensorsOf(tree: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTensors(tree, (tensor) => {
    found.push(tensor);
    return tensor;
  });
  return found;
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value;
}
