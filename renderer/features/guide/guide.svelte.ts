import { createContext } from 'svelte';
import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';
import { guideStage, type GuideStage } from './guide-stage.ts';

const KEY = 'strata-guide';
const SAMPLE_DATASETS = 2;

/** The guide through a first run; it is gone once it was ended, in this browser or desktop. */
export class GuideState {
  readonly #studio: StudioState;
  #isOver = $state(localStorage.getItem(KEY) === 'over');

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get stage(): GuideStage | null {
    const { models, datasets, activeRun, latestRuns, embeddedBase } = this.#studio;
    if (this.#isOver) return null;
    return guideStage({
      ...{ page: route.page, item: route.item, activeRun, latestRuns },
      hasSample: models.some(({ name }) => name === embeddedBase),
      ownDatasets: Math.max(0, datasets.length - SAMPLE_DATASETS),
    });
  }

  end(): void {
    this.#isOver = true;
    localStorage.setItem(KEY, 'over');
  }
}

export const [getGuide, setGuide] = createContext<GuideState>();
