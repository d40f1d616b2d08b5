import type { z } from 'zod';
import { contract } from '../../shared/contract/contract.ts';
import { partsOf, userPaths } from '../../shared/contract/user-path.ts';

/** The calls of the contract with their schemas, for tests that go through all of them. */
export interface ContractCall {
  /** As `datasets.imports.start`. */
  name: string;
  input: z.core.$ZodType | undefined;
  output: z.core.$ZodType | undefined;
}

interface Leaf {
  '~orpc': { inputSchema?: z.core.$ZodType; outputSchema?: z.core.$ZodType };
}

export function callsOfContract(node: object = contract, path: readonly string[] = []): ContractCall[] {
  if ('~orpc' in node) {
    const { inputSchema, outputSchema } = (node as Leaf)['~orpc'];
    return [{ name: path.join('.'), input: inputSchema, output: outputSchema }];
  }
  return Object.entries(node).flatMap(([key, inner]) => callsOfContract(inner as object, [...path, key]));
}

/** Every string in a schema: the field that it is in, however deep, and whether it is marked as a path. */
export function stringsOf(
  schema: z.core.$ZodType | undefined,
  field = '',
  seen = new Set<z.core.$ZodType>(),
): { field: string; isUserPath: boolean }[] {
  if (!schema || seen.has(schema)) return [];
  if (userPaths.has(schema)) return [{ field, isUserPath: true }];
  const inner = partsOf(schema).flatMap((part) => stringsOf(part.schema, part.field ?? field, new Set([...seen, schema])));
  return (schema as z.core.$ZodTypes)._zod.def.type === 'string' ? [{ field, isUserPath: false }] : inner;
}
