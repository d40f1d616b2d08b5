type Choice = 'system' | 'light' | 'dark';

/** Light or dark: the system's, unless the user chose. */
class Theme {
  choice = $state<Choice>((localStorage.getItem('strata-theme') as Choice | null) ?? 'system');
  readonly #system = window.matchMedia('(prefers-color-scheme: dark)');
  #systemIsDark = $state(this.#system.matches);

  constructor() {
    this.#system.addEventListener('change', ({ matches }) => {
      this.#systemIsDark = matches;
      this.#apply();
    });
    this.#apply();
  }

  get isDark(): boolean {
    return this.choice === 'system' ? this.#systemIsDark : this.choice === 'dark';
  }

  toggle(): void {
    this.choice = this.isDark ? 'light' : 'dark';
    localStorage.setItem('strata-theme', this.choice);
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.isDark ? 'dark' : 'light';
  }
}

export const theme = new Theme();
