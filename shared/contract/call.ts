import { oc } from '@orpc/contract';
import { errorRecordSchema } from './errors.ts';

/** What every call of the contract begins with: whatever goes wrong travels as one typed error `STRATA` whose data is an ErrorRecord. */
export const call = oc.errors({ STRATA: { data: errorRecordSchema } });
