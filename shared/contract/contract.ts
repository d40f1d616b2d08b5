import { runCalls } from './run-calls.ts';
import { workspaceCalls } from './workspace-calls.ts';

/**
 * Every call between a screen (or a script) and the studio. Types on both sides are inferred from these schemas.
 * Arguments are parsed at the door; errors travel as one typed error `STRATA` whose data is an ErrorRecord.
 * Events announce small facts; pages fetch what they need.
 */
export const contract = { ...workspaceCalls, ...runCalls };
export type Contract = typeof contract;
