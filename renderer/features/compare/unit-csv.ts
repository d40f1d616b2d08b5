import type { Comparability } from '../../../shared/domain/comparability.ts';

/** What figures are in, as a file says it: in every language of the page the same. Empty where they have no unit in common. */
export function fileUnitOf(unit: Comparability['unit']): string {
  return { none: '', nats: 'nats per token', bits: 'bits per byte' }[unit];
}
