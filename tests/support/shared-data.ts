import { existsSync } from 'node:fs';
import { join } from 'node:path';

const candidate = process.env.STRATA_SHARED_DATA ?? join(import.meta.dirname, '../../../shared/data');

/** Folder of real models and texts beside the checkout, or null: tests that need it are skipped then. */
export const sharedData: string | null = existsSync(join(candidate, 'models')) ? candidate : null;
