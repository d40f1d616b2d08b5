import { join } from 'node:path';

/** The program's own files: the embedded base, the samples, the presets. */
export const RESOURCES = join(import.meta.dirname, '../../resources');
