const KEY = 'strata-motion';
type Choice = 'system' | 'reduced';

/** Whether things move: as the system says, unless the user wants less. */
class Motion {
  choice = $state<Choice>(localStorage.getItem(KEY) === 'reduced' ? 'reduced' : 'system');

  constructor() {
    this.#apply();
  }

  choose(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset.motion = this.choice;
  }
}

export const motion = new Motion();
