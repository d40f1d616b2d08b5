import { createRequire } from 'node:module';

/**
 * Child process of the set-up: loads the addon named on the command line, multiplies two matrices with TensorFlow and compares with plain
 * loops. Prints one JSON line {passed, seesGpu, tensorflowVersion, largestError, durationMs}. A broken native library may end the
 * process here instead of the set-up.
 */
const startedAt = performance.now();
const binding = createRequire(import.meta.url)(process.argv[2] ?? '');
const [rows, inner, columns] = [33, 65, 17];
const left = Float32Array.from({ length: rows * inner }, (_, index) => Math.sin(index));
const right = Float32Array.from({ length: inner * columns }, (_, index) => Math.cos(index * 0.7));
const [product] = binding.executeOp(
  'MatMul',
  [
    { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  ],
  [binding.createTensor([rows, inner], binding.TF_FLOAT, left), binding.createTensor([inner, columns], binding.TF_FLOAT, right)],
  1,
);
const found = binding.tensorDataSync(product.id);
let largestError = 0;
for (let row = 0; row < rows; row++) {
  for (let column = 0; column < columns; column++) {
    let wanted = 0;
    for (let k = 0; k < inner; k++) wanted += (left[row * inner + k] ?? NaN) * (right[k * columns + column] ?? NaN);
    const error = Math.abs(found[row * columns + column] - wanted);
    largestError = error <= largestError ? largestError : Number.isNaN(error) ? Infinity : error;
  }
}
const passed = found.length === rows * columns && largestError < 1e-4;
console.log(
  JSON.stringify({
    passed,
    seesGpu: binding.isUsingGpuDevice(),
    tensorflowVersion: binding.TF_Version,
    largestError,
    durationMs: Math.round(performance.now() - startedAt),
  }),
);
process.exit(passed ? 0 : 1);
