// Wrong on purpose: the linter has to report each of these (tests/architecture/canaries.test.ts).
import { RunSummary } from '../../shared/domain/run.ts';

export function untyped(value: any) {
  Promise.resolve(value);
  console.log(value as RunSummary);
}
