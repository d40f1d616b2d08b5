import type { Engine, Operations, Tensor } from '../engine/engine.ts';

/**
 * Linear CKA of two sets of states of the same rows, [N, C] each: `||X^T Y||^2 / (||X^T X|| ||Y^T Y||)` in Frobenius norms, with every column
 * centred. 1 where one is the other turned and scaled, 0 where nothing in one tells of the other (Kornblith et al. 2019, arXiv 1905.00414).
 */
export async function linearCka(engine: Engine, x: Tensor, y: Tensor): Promise<number> {
  const products = engine.scope(() => {
    const [first, second] = [centred(engine, x), centred(engine, y)];
    const pairs = [
      [first, second],
      [first, first],
      [second, second],
    ] as const;
    return engine.concat(
      pairs.map(([a, b]) => engine.reshape(engine.sumOfSquares(engine.matmul(a, b, { transposeA: true })), [1])),
      0,
    );
  });
  const [between, ofFirst, ofSecond] = (await engine.read(products)) as Float32Array;
  engine.dispose(products);
  return between! / Math.sqrt(ofFirst! * ofSecond!);
}

/** Scaled to a length that squares of sums of squares do not run out of float32 with: CKA does not change by it. */
function centred(operations: Operations, x: Tensor): Tensor {
  const [rows, width] = x.shape as [number, number];
  const mean = operations.scale(operations.sum(x, 0, true), 1 / rows); // [1, C]
  const difference = operations.subtract(x, mean);
  const total = operations.reshape(operations.sumOfSquares(difference), [1, 1]);
  const scale = operations.rsqrt(operations.scale(total, 1 / (rows * width)), 1e-30);
  return operations.multiply(difference, scale);
}
