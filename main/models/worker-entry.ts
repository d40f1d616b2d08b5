/**
 * Where a thread's own file lies: beside the module that starts it, as source, or bundled under the same name. Of a package, beside the
 * archive that threads cannot read, where no package.json says what a .js would be.
 * @param name without its ending, such as "./hash-worker".
 * @param module the URL of the module that starts it.
 */
export function workerEntry(name: string, module: string): URL {
  const outside = module.replace(/\/app\.asar\//, '/app.asar.unpacked/');
  return new URL(module.endsWith('.ts') ? `${name}.ts` : `${name}.mjs`, outside);
}
