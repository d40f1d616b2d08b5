import { z } from 'zod';

/**
 * Paths that a page names. Whoever can call the contract could otherwise read and write all that the user can, so every such input says that it
 * is one, and the router lets only those through that the user has chosen (main/studio/path-grants.ts).
 */

export interface UserPathMeaning {
  /** What is done there. */
  access: 'read' | 'write';
  /** The same input also takes a dataset's id or name, which is none. */
  orDataset: boolean;
}

/** Marks of schemas: a registry, because types know nothing of it when a message is looked at. */
export const userPaths = z.registry<UserPathMeaning>();

/** Longer than any system allows. */
const MOST_CHARACTERS = 32_768;

/** A path on the studio's machine that the user has chosen. Every input that is a path is made with this; a test looks for others. */
export function userPath(access: UserPathMeaning['access'], { orDataset = false } = {}): z.ZodString {
  return z.string().min(1).max(MOST_CHARACTERS).register(userPaths, { access, orDataset });
}

export interface NamedPath extends UserPathMeaning {
  path: string;
}

/** The paths that a value names by its schema, which it has passed. */
export function userPathsIn(schema: z.core.$ZodType, value: unknown): NamedPath[] {
  if (value === undefined || value === null) return [];
  const meaning = userPaths.get(schema);
  if (meaning && typeof value === 'string') return [{ ...meaning, path: value }];
  return partsOf(schema).flatMap(({ schema: part, of }) => of(value).flatMap((each) => userPathsIn(part, each)));
}

/** A schema inside another one, and the values inside a value that it is for. */
export interface SchemaPart {
  schema: z.core.$ZodType;
  /** The field of an object; null where it is none. */
  field: string | null;
  of(value: unknown): unknown[];
}

/**
 * The schemas that a schema consists of.
 * @throws Error for a kind that it does not know: what it does not look into could hold a path.
 */
export function partsOf(schema: z.core.$ZodType): SchemaPart[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const same = (inner: z.core.$ZodType): SchemaPart => ({ schema: inner, field: null, of: (value) => [value] });
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).map(([field, inner]) => ({ schema: inner, field, of: (value) => fieldOf(value, field) }));
    case 'array':
      return [{ schema: def.element, field: null, of: (value) => (Array.isArray(value) ? (value as unknown[]) : []) }];
    case 'record':
      return [
        { schema: def.valueType, field: null, of: (value) => (typeof value === 'object' && value !== null ? Object.values(value) : []) },
      ];
    case 'tuple':
      return def.items.map((inner, index) => ({ schema: inner, field: null, of: (value) => fieldOf(value, String(index)) }));
    case 'union':
      return def.options.map(same);
    case 'intersection':
      return [same(def.left), same(def.right)];
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return [same(def.innerType)];
    case 'pipe':
      return [same(def.in), same(def.out)];
    case 'lazy':
      return [same(def.getter())];
    case 'string':
    case 'number':
    case 'boolean':
    case 'enum':
    case 'literal':
    case 'null':
    case 'undefined':
    case 'transform':
      return [];
    default:
      throw new Error(`The contract has a schema of the kind "${def.type}", which is not looked into for paths.`);
  }
}

function fieldOf(value: unknown, field: string): unknown[] {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field) ? [(value as Record<string, unknown>)[field]] : [];
}
