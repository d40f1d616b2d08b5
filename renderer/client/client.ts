import type { ContractRouterClient } from '@orpc/contract';
import type { Contract } from '../../shared/contract/contract.ts';

/** The studio as a page calls it, whichever way its calls travel. */
export type Client = ContractRouterClient<Contract>;
