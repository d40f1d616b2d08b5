import { type Language, LANGUAGES, words } from '../../../shared/words/words.ts';
import { PAGES, SETTINGS_PAGE } from '../../pages.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { pageLanguage } from '../../ui/language.svelte.ts';
import { route } from '../../ui/route.svelte.ts';
import { theme, type ThemeChoice } from '../../ui/theme.svelte.ts';

/** Something to choose in the palette. */
export interface Command {
  /** Unique among all. */
  id: string;
  title: string;
  /** Said beside the title, such as a run's status. */
  detail?: string;
  /** Other words that it is found by. */
  keywords?: string[];
  run: () => void;
}

export interface CommandGroup {
  title: string;
  commands: Command[];
}

/** What can be done from anywhere, and where one can go. */
export function standingCommands(studio: StudioState): CommandGroup[] {
  const go = (path: string) => () => route.go(path);
  const latest = studio.latestRuns.filter(({ gain }) => gain !== null).map(({ id }) => id);
  return [
    {
      title: words('palette.doing'),
      commands: [
        { id: 'new-run', title: words('palette.newRun'), run: go('train') },
        { id: 'import', title: words('palette.importData'), run: go('datasets') },
        { id: 'add-model', title: words('palette.addModel'), run: go('models') },
        { id: 'new-suite', title: words('palette.newSuite'), run: go('suites') },
        ...(latest.length > 1 ? [{ id: 'compare', title: words('palette.compareLatest'), run: go(`compare/${latest.join(',')}`) }] : []),
        ...(['light', 'dark', 'system'] as const).filter((choice) => choice !== theme.choice).map(themeCommand),
        ...(Object.keys(LANGUAGES) as Language[]).filter((each) => each !== pageLanguage.current).map(languageCommand),
      ],
    },
    {
      title: words('palette.going'),
      commands: [...PAGES, SETTINGS_PAGE].map(({ path, title }) => ({ id: `page:${path}`, title: title(), run: go(path) })),
    },
  ];
}

function themeCommand(choice: ThemeChoice): Command {
  const titles = { light: words('palette.light'), dark: words('palette.dark'), system: words('palette.systemTheme') };
  return { id: `theme:${choice}`, title: titles[choice], run: () => theme.choose(choice) };
}

function languageCommand(language: Language): Command {
  return {
    id: `language:${language}`,
    title: words('palette.speak', { language: LANGUAGES[language] }),
    // Whoever does not read the language in use looks for the name of their own.
    keywords: [language, LANGUAGES[language]],
    run: () => void pageLanguage.choose(language),
  };
}

/** Models and datasets of the workspace; runs are asked for by name, as there may be thousands. */
export function itemCommands({ models, datasets }: Pick<StudioState, 'models' | 'datasets'>): CommandGroup[] {
  return [
    {
      title: words('palette.models'),
      commands: models.map(({ id, name }) => ({
        id: `model:${id}`,
        title: words('palette.askModel', { model: name }),
        run: () => route.go(`playground/${encodeURIComponent(id)}`),
      })),
    },
    {
      title: words('palette.datasets'),
      commands: datasets.map(({ id, name }) => ({
        id: `dataset:${id}`,
        title: name,
        run: () => route.go(`datasets/${encodeURIComponent(id)}`),
      })),
    },
  ];
}

/** Runs whose name, note, tags, model or data hold all words of the text. @throws what the call throws */
export async function runCommands(studio: StudioState, text: string): Promise<Command[]> {
  const { rows } = await studio.client.runs.search({ text, count: 8 });
  return rows.map(({ id, name, status, baseModel }) => ({
    id: `run:${id}`,
    title: name,
    detail: `${status} · ${baseModel.name}`,
    // The server found it, perhaps by a tag: what was typed is among its words.
    keywords: [text],
    run: () => route.go(`runs/${encodeURIComponent(id)}`),
  }));
}
