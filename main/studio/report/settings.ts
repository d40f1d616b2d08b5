import type { RunConfiguration } from '../../../shared/domain/run.ts';

/** What a run was configured with, by dotted names; what each block mattered is a measurement and no setting. */
export function settingsOf({ importance: _, ...configuration }: RunConfiguration): [name: string, value: unknown][] {
  return flatten(configuration, '');
}

function flatten(value: Record<string, unknown>, prefix: string): [string, unknown][] {
  return Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    const isNested = typeof field === 'object' && field !== null && !Array.isArray(field);
    return isNested ? flatten(field as Record<string, unknown>, `${prefix}${name}.`) : [[prefix + name, field]];
  });
}
