import { createContext } from 'svelte';
import type { NextDomain } from '../../../shared/contract/lines.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { TrainPreview, TrainRequest } from '../../../shared/contract/training.ts';
import { DEFAULT_RANK } from '../../../shared/domain/method.ts';
import type { Rendering } from '../../../shared/domain/rendering.ts';
import type { Role } from '../../../shared/domain/run.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { words } from '../../../shared/words/words.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { BudgetState } from './budget.svelte.ts';
import { CarriedState } from './carried.svelte.ts';
import { CopyState } from './copy.svelte.ts';
import { DistanceState } from './distance.svelte.ts';
import { GuardState } from './guard.svelte.ts';
import { ImportanceState } from './importance.svelte.ts';
import { MixtureState } from './mixture.svelte.ts';
import { OutlookState, type PlanQuestion } from './outlook.svelte.ts';
import { PlanState } from './plan.svelte.ts';
import { prefill } from './prefill.ts';
import { PreviewState } from './previews.svelte.ts';
import { RolesState } from './roles.svelte.ts';
import { SelfReplayState } from './self-replay.svelte.ts';
import { renderedOf, SettingsState } from './settings.svelte.ts';
import { StartState } from './starting.svelte.ts';

/** The next run, as far as a person has chosen it, and what it would mean. All pages share it, so choices survive a look elsewhere. */
export class TrainState {
  readonly #studio: StudioState;
  #modelId = $state('');
  readonly #roles: RolesState;
  /** How tokens are shared among the datasets. */
  readonly mixture: MixtureState;
  readonly selfReplay: SelfReplayState;
  /** How far the new data are from the old. */
  readonly distance: DistanceState;
  /** What the model's blocks matter for the chosen old data. */
  readonly importance: ImportanceState;
  /** What is trained, and where new blocks go. */
  readonly plan: PlanState;
  readonly settings = new SettingsState();
  readonly guard = new GuardState();
  /** The run that the choices were taken from. */
  readonly copy: CopyState;
  /** What is taken over from the run that the next goes on from. */
  readonly carried: CarriedState;
  /** What the choices mean: of a whole run, and of the plan while there is no run to preview. */
  readonly previews: PreviewState;
  readonly outlook: OutlookState;
  readonly budget: BudgetState;
  readonly starting: StartState;

  constructor(studio: StudioState) {
    this.#studio = studio;
    this.#roles = new RolesState(studio);
    this.copy = new CopyState(studio, this);
    this.carried = new CarriedState(studio);
    this.importance = new ImportanceState(studio);
    this.plan = new PlanState(
      () => this.model,
      () => this.importance.table,
    );
    this.mixture = new MixtureState(studio);
    this.outlook = new OutlookState(studio);
    this.selfReplay = new SelfReplayState(studio);
    this.budget = new BudgetState(studio, this);
    this.starting = new StartState(studio);
    this.previews = new PreviewState(studio, (preview, request) => {
      this.starting.failure = null;
      this.mixture.show(preview);
      this.mixture.look(request);
    });
    this.distance = new DistanceState(studio, () => {
      if (this.request?.replayShare === undefined) this.previews.ask(this.request);
    });
  }

  /** The chosen base, else the first there is. */
  get model(): ModelInfo | undefined {
    const { models } = this.#studio;
    return models.find(({ id }) => id === this.#modelId) ?? models[0];
  }

  choose(modelId: string): void {
    if (modelId !== this.carried.next?.request.model) this.carried.leave();
    this.#modelId = modelId;
    this.plan.reset();
    this.guessRoles();
  }

  /** Fills in roles that can be guessed, where nobody has chosen any. */
  guessRoles(): void {
    if (this.carried.next === null) this.#roles.guess(this.#studio.datasets, this.model);
  }

  /** Fills in what a run carries over to the next; where that is not possible, the page says why. */
  async goOnFrom(run: string): Promise<void> {
    const next = await this.carried.fetch(run);
    if (!next) return;
    const { request } = next;
    this.copy.forget();
    prefill(this, { ...request, newDatasets: [] });
    this.settings.steps = null;
  }

  /** Replays a sample of a dataset in its place. */
  async keepSample(sample: NextDomain['samples'][number]): Promise<void> {
    const made = await this.carried.sample(sample);
    if (!made) return;
    this.setRole(sample.dataset, null);
    this.setRole(made, 'old');
  }

  /** Roles of the chosen datasets, by id; a deleted dataset has none. */
  get roles(): Readonly<Record<string, Role>> {
    return this.#roles.all;
  }

  /** Which of them nobody chose. */
  get guesses(): RolesState['guesses'] {
    return this.#roles.guesses;
  }

  setRole(datasetId: string, role: Role | null): void {
    this.#roles.set(datasetId, role);
  }

  clearRoles(): void {
    this.#roles.clear();
  }

  /** The chosen datasets' ids. */
  get byRole(): Record<Role, string[]> {
    return this.#roles.byRole;
  }

  get hasOld(): boolean {
    return this.byRole.old.length > 0;
  }

  nameOf(datasetId: string): string {
    return this.#studio.datasets.find(({ id }) => id === datasetId)?.name ?? datasetId;
  }

  /** Samples text from the base and takes it as old data. */
  async makeSelfReplay(): Promise<void> {
    const made = this.model && (await this.selfReplay.make(this.model.id));
    if (made) this.setRole(made, 'old');
  }

  /** Which settings of the rendering mean anything for the chosen datasets. */
  get rendered(): ReturnType<typeof renderedOf> {
    const { roles } = this;
    return renderedOf(this.#studio.datasets.filter(({ id }) => roles[id]));
  }

  /** What is to be measured for the placement by importance; null without a model. */
  get importanceRequest(): { model: string; oldDatasets: string[]; rendering: Rendering } | null {
    return this.model ? { model: this.model.id, oldDatasets: this.byRole.old.sort(), rendering: this.settings.rendering } : null;
  }

  /** Between what the distance is measured; null while nothing is new, or nothing old. */
  get distanceRequest(): { newDatasets: string[]; oldDatasets: string[] } | null {
    const sides = { newDatasets: this.byRole.new.sort(), oldDatasets: this.byRole.old.sort() };
    return sides.newDatasets.length > 0 && sides.oldDatasets.length > 0 ? sides : null;
  }

  async measureImportance(): Promise<void> {
    if (this.importanceRequest) await this.importance.measure(this.importanceRequest);
  }

  get defaultRank(): number {
    const method = this.preview?.method; // a narrow model has a lower one
    return method?.name === 'lora' && this.plan.lora.rank === null ? method.rank : DEFAULT_RANK;
  }

  /** What is still missing for a request, as a sentence; null when nothing is. */
  get missing(): string | null {
    if (!this.model) return words('train.noModelChosen');
    if (this.byRole.new.length === 0) return words('train.nothingNew');
    return (
      this.settings.wrong ?? this.mixture.wrong(this.hasOld) ?? (this.hasOld ? this.guard.wrong : null) ?? this.plan.missing(this.hasOld)
    );
  }

  /** The request, or null while something needed is not chosen. */
  get request(): TrainRequest | null {
    if (this.missing !== null || !this.model) return null;
    const { advanced, ...asBefore } = this.copy.source === null ? this.carried.settings : this.copy.carried;
    const { byRole } = this;
    return {
      ...asBefore,
      model: this.model.id,
      newDatasets: byRole.new,
      oldDatasets: byRole.old,
      ...this.mixture.request(byRole),
      ...this.plan.request,
      ...(this.hasOld && this.guard.guard ? { guard: this.guard.guard } : {}),
      ...this.settings.request(advanced),
    };
  }

  /** What is asked of the plan while the request is not complete; null where a preview says it, or there is no plan. */
  get planQuestion(): PlanQuestion | null {
    const { model, plan } = this;
    if (this.request || !model || plan.method !== 'expand' || !plan.plan) return null;
    const oldDatasets = this.byRole.old.sort();
    return {
      model: model.id,
      place: plan.place,
      oldDatasets,
      ...(plan.placement !== 'own' && plan.blocks !== null && { blocks: plan.blocks }),
    };
  }

  /** What the studio last said a run would do. */
  get preview(): TrainPreview | null {
    return this.previews.answer;
  }

  /** Whether what the studio said is of the present choices: until then nothing is called ready. */
  get isChecked(): boolean {
    return this.previews.answers(this.request);
  }

  /** Whether the studio still works out what the present choices mean. */
  get isChecking(): boolean {
    return this.request !== null && !this.isChecked && this.failure === null;
  }

  /** Whether the present choices can be started: what is wrong in a field, or was refused already, cannot. */
  get canStart(): boolean {
    return this.request !== null && !this.previews.refuses(this.request);
  }

  /** Fraction of the tokens that will be old; null while nobody has chosen it and the studio has not said it of these datasets. */
  get replayShare(): number | null {
    if (!this.hasOld) return 0;
    if (this.mixture.wrongReplay !== null) return null;
    if (this.mixture.isReplayChosen) return this.mixture.replayPercent / 100;
    const { preview, roles } = this;
    // What was chosen before and is not any more says nothing of what follows.
    const isOfThese = preview?.replayBasis !== 'chosen' && preview?.mixture.length === Object.keys(roles).length;
    return isOfThese && preview.mixture.every(({ datasetId, role }) => roles[datasetId] === role) ? preview.replayShare : null;
  }

  /** Why a run would be refused, or was. */
  get failure(): ErrorRecord | null {
    return this.starting.failure ?? this.previews.failure;
  }

  /** Starts the run; its id, or null when it was refused. */
  async start(): Promise<string | null> {
    const id = this.request && (await this.starting.start(this.request));
    if (id === null) return null;
    this.settings.name = '';
    this.copy.forget();
    return id;
  }
}

export const [getTrain, setTrain] = createContext<TrainState>();
