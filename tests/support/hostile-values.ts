import type { z } from 'zod';
import { partsOf, userPaths } from '../../shared/contract/user-path.ts';

/** Seeded values for a schema: such as a page would send, with a few hostile ones among them, or wholly hostile. */

export interface HostileSource {
  /** From 0 to below 1. */
  random: () => number;
  /** Strings that mean something in the workspace, so that calls get beyond "there is no such thing". */
  names: readonly string[];
  /** Paths and texts that lead where nobody may go. */
  traps: readonly string[];
  /** How often a part of a value is replaced by something hostile, 0 to 1. */
  hostility: number;
}

const DEPTH = 40;

const nested = (leaf: unknown, depth = 500): unknown => Array.from({ length: depth }).reduce<unknown>((inner) => ({ a: [inner] }), leaf);

/** What no field is meant to hold. */
export function hostile({ random, names, traps }: HostileSource): unknown {
  const own = Object.assign(Object.create(null) as Record<string, unknown>, { constructor: { prototype: { polluted: true } } });
  const values: unknown[] = [
    null,
    undefined,
    true,
    -1,
    0,
    0.5,
    -0,
    1e308,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    2n ** 70n,
    '',
    ' ',
    '\0',
    '\uD800',
    'x'.repeat(50_000),
    '𝒳‮😀'.repeat(100),
    '../'.repeat(20) + 'etc/passwd',
    "'; DROP TABLE runs; --",
    '${process.exit(1)}',
    '__proto__',
    'constructor',
    [],
    {},
    [[]],
    Array.from({ length: 2000 }, () => 0),
    nested('deep'),
    own,
    JSON.parse('{"__proto__":{"polluted":true},"toString":1,"length":-1}'),
    new Date(Number.NaN),
    new Set(['a']),
    new Map([['a', 1]]),
    /(a+)+$/,
    ...names,
    ...traps,
    ...traps,
    ...traps,
  ];
  return values[Math.floor(random() * values.length)];
}

/** A value for a schema: of the right form but for what chance makes hostile, fields that are missing and fields that are too many. */
export function valueFor(schema: z.core.$ZodType | undefined, source: HostileSource, depth = 0): unknown {
  const { random, names, traps, hostility } = source;
  if (!schema || depth > DEPTH || random() < hostility) return hostile(source);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const below = (inner: z.core.$ZodType): unknown => valueFor(inner, source, depth + 1);
  switch (def.type) {
    case 'object': {
      const fields: [string, unknown][] = [];
      for (const [field, inner] of Object.entries(def.shape)) if (random() >= hostility / 2) fields.push([field, below(inner)]);
      if (random() < hostility) fields.push([pick(['extra', 'constructor', 'then', 'home', 'path']), hostile(source)]);
      return Object.fromEntries(fields);
    }
    case 'array':
      return Array.from({ length: pick([0, 1, 1, 2, 3]) }, () => below(def.element));
    case 'record':
      return Object.fromEntries(Array.from({ length: pick([0, 1, 2]) }, () => [pick([...names, '__proto__']), below(def.valueType)]));
    case 'union':
      return below(pick(def.options));
    case 'optional':
    case 'default':
    case 'prefault':
      return random() < 0.6 ? undefined : below(def.innerType);
    case 'nullable':
      return random() < 0.5 ? null : below(def.innerType);
    case 'string':
      return userPaths.has(schema) || random() < 0.3 ? pick(traps) : pick(names);
    case 'number':
      return pick([0, 1, 1, 2, 3, 4, 8, 16, 0.1, 0.5, 64]);
    case 'boolean':
      return random() < 0.5;
    case 'enum':
      return pick(Object.values(def.entries));
    case 'literal':
      return pick(def.values);
    default: {
      const parts = partsOf(schema);
      return parts.length > 0 ? below(parts[0]!.schema) : null;
    }
  }
}
