import type { PlanBasis } from '../../../shared/contract/planning.ts';
import type { TrainPreview } from '../../../shared/contract/training.ts';
import { chooseMethod, type Method, methodRequestShape, type MethodRequest } from '../../../shared/domain/method.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { type BudgetView, checkedView, estimatedView } from './budget-view.ts';
import type { TrainState } from './train.svelte.ts';

/** What the present choices cost: computed in the page as they change, and replaced by the studio's answer as soon as that is there. */
export class BudgetState {
  readonly #studio: StudioState;
  readonly #train: TrainState;
  /** What is known of the chosen model and this machine. */
  #basis = $state.raw<{ model: string; basis: PlanBasis } | null>(null);
  #isLooking = $state(false);
  readonly #latest = new Latest();

  constructor(studio: StudioState, train: TrainState) {
    this.#studio = studio;
    this.#train = train;
  }

  /** Asks what budgets of a model are computed from. Where that fails there is no estimate, only the studio's answers. */
  lookUp(model: string | undefined): void {
    if (model === undefined) return;
    const answered = (basis: PlanBasis | null): void => {
      this.#basis = basis && { model, basis };
      this.#isLooking = false;
    };
    this.#isLooking = true;
    void this.#latest.ask(
      () => this.#studio.client.models.planBasis({ model }),
      answered,
      () => answered(null),
    );
  }

  get basis(): PlanBasis | null {
    return this.#basis?.model === this.#train.model?.id ? (this.#basis?.basis ?? null) : null;
  }

  /** The chosen method with its defaults filled in; null while it is not possible. */
  get #method(): Method | null {
    const { basis } = this;
    const { plan, importance } = this.#train;
    if (!basis || plan.missing(true) !== null) return null;
    const request: MethodRequest = { method: 'expand', ...pickOptions(plan.request) };
    try {
      return chooseMethod(request, basis.config, importance.table?.blocks ?? null);
    } catch {
      return null; // what the fields do not refuse themselves, the studio's answer explains
    }
  }

  /** The figures are on their way: the choices are possible as far as anybody has said. */
  get isPending(): boolean {
    const { plan, hasOld, request, failure } = this.#train;
    if (this.view !== null || failure !== null) return false;
    return request !== null || (plan.missing(hasOld) === null && this.#isLooking);
  }

  get view(): BudgetView | null {
    const { previews, request, settings, hasOld, byRole } = this.#train;
    if (previews.answer && previews.answers(request)) return checkedView(previews.answer);
    const { basis } = this;
    const method = this.#method;
    if (!basis || !method) return null;
    // Data of the model's past are measured for drift as well; while nothing is chosen, the more careful figure is shown.
    const measuresDrift = hasOld || byRole.new.length === 0 || this.#train.model!.line.some(({ training }) => training !== null);
    return estimatedView(basis, method, { length: settings, last: this.#lastOf(previews.answer), measuresDrift });
  }

  /** The last answer, as long as there is something new to learn. */
  #lastOf(answer: TrainPreview | null): TrainPreview | null {
    return this.#train.byRole.new.length > 0 ? answer : null;
  }
}

function pickOptions(request: Partial<MethodRequest>): Partial<MethodRequest> {
  return Object.fromEntries(
    Object.keys(methodRequestShape).flatMap((name) => (name in request ? [[name, request[name as keyof MethodRequest]]] : [])),
  );
}
