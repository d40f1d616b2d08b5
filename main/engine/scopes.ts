import type { Tensor } from './engine.ts';

/** Keeps account of which tensors each open scope must free. Engines extend it and say how one tensor is freed. */
export abstract class Scopes<T extends Tensor> {
  #open: Set<T>[] = [];

  /** Frees one tensor of this engine. */
  protected abstract free(tensor: T): void;

  /** Puts a new tensor into the innermost scope. */
  protected track(tensor: T): T {
    this.#open.at(-1)?.add(tensor);
    return tensor;
  }

  scope<Result>(body: () => Result): Result {
    const made = new Set<T>();
    this.#open.push(made);
    let returned: ReadonlySet<unknown> = new Set();
    try {
      const result = body();
      returned = tensorsIn(result, new Set());
      return result;
    } finally {
      this.#open.pop();
      for (const tensor of made) {
        if (returned.has(tensor)) this.track(tensor);
        else this.free(tensor);
      }
    }
  }

  keep<Kept extends Tensor>(tensor: Kept): Kept {
    for (const scope of this.#open) scope.delete(tensor as unknown as T);
    return tensor;
  }

  dispose(...tensors: Tensor[]): void {
    for (const tensor of tensors) {
      this.keep(tensor);
      this.free(tensor as T);
    }
  }
}

/** Everything reachable through arrays, maps and plain objects: what a scope's body hands on. */
function tensorsIn(value: unknown, found: Set<unknown>): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  if (Array.isArray(value)) for (const item of value) tensorsIn(item, found);
  else if (value instanceof Map) for (const item of value.values()) tensorsIn(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype) for (const item of Object.values(value)) tensorsIn(item, found);
  return found;
}
