import type { Component } from 'svelte';
import {
  ChartNoAxesCombined,
  ChartScatter,
  Database,
  House,
  Layers,
  ListChecks,
  MessagesSquare,
  Play,
  Settings as SettingsIcon,
} from '@lucide/svelte';
import { words } from '../shared/words/words.ts';

/** Pages that the navigation shows, in the order of the loop: what there is, train, see, compare. */
export const PAGES = [
  { path: '', title: () => words('shell.home'), icon: House },
  { path: 'datasets', title: () => words('shell.datasets'), icon: Database },
  { path: 'models', title: () => words('shell.models'), icon: Layers },
  { path: 'train', title: () => words('shell.train'), icon: Play },
  { path: 'runs', title: () => words('shell.runs'), icon: ChartNoAxesCombined },
  { path: 'compare', title: () => words('shell.compare'), icon: ChartScatter },
  { path: 'suites', title: () => words('shell.suites'), icon: ListChecks },
  { path: 'playground', title: () => words('shell.playground'), icon: MessagesSquare },
] as const;

/** Shown apart from the loop, at the navigation's foot. */
export const SETTINGS_PAGE = { path: 'settings', title: () => words('shell.settings'), icon: SettingsIcon } as const;

/** What a page is called in the window's title. */
export function titleOf(page: string): string {
  if (page === 'batches') return words('shell.batches');
  if (page === 'lines') return words('shell.line');
  return [...PAGES, SETTINGS_PAGE].find(({ path }) => path === page)?.title() ?? 'Strata';
}

/** The page of the navigation that one belongs to which is reached from another. */
export function sectionOf(page: string): string {
  if (page === 'batches') return 'runs';
  return page === 'lines' ? 'models' : page;
}

/** A page's component with what it is given. */
export interface ShownPage {
  component: Component<Record<string, unknown>>;
  props: Record<string, unknown>;
}

interface LazyPage {
  /** Fetches the part of the program that the page is made of. */
  load(): Promise<void>;
  /** The page of an item; null until it has been loaded. */
  show(item: string): ShownPage | null;
}

function lazy<Props extends Record<string, unknown>>(
  fetchPage: () => Promise<{ default: Component<Props> }>,
  propsOf: (item: string) => Props,
): LazyPage {
  let component: Component<Props> | null = null;
  return {
    load: async () => {
      component = (await fetchPage()).default;
    },
    // The props are this component's own, by the type of `propsOf`.
    show: (item) => component && { component: component as unknown as ShownPage['component'], props: propsOf(item) },
  };
}

const alone = (): Record<string, never> => ({});
const byId = (id: string): { id: string } => ({ id });

/** By the address's first part: the page of a list, and of one item of it. */
const ROUTES: Readonly<Record<string, { list?: LazyPage; item?: LazyPage }>> = {
  '': { list: lazy(() => import('./features/home/Home.svelte'), alone) },
  datasets: {
    list: lazy(() => import('./features/datasets/Datasets.svelte'), alone),
    item: lazy(() => import('./features/datasets/DatasetPage.svelte'), byId),
  },
  models: { list: lazy(() => import('./features/models/Models.svelte'), alone) },
  lines: { item: lazy(() => import('./features/lines/LinePage.svelte'), byId) },
  train: { list: lazy(() => import('./features/train/Train.svelte'), alone) },
  runs: {
    list: lazy(() => import('./features/runs/Runs.svelte'), alone),
    item: lazy(() => import('./features/runs/RunPage.svelte'), byId),
  },
  batches: {
    list: lazy(() => import('./features/recipes/Batches.svelte'), alone),
    item: lazy(() => import('./features/recipes/BatchPage.svelte'), byId),
  },
  suites: {
    list: lazy(() => import('./features/suites/Suites.svelte'), alone),
    item: lazy(() => import('./features/suites/SuitePage.svelte'), byId),
  },
  playground: anyItem(
    lazy(
      () => import('./features/playground/Playground.svelte'),
      (model: string) => ({ model }),
    ),
  ),
  compare: anyItem(
    lazy(
      () => import('./features/compare/Compare.svelte'),
      (runs: string) => ({ ids: runs.split(',').filter(Boolean) }),
    ),
  ),
  settings: { list: lazy(() => import('./features/settings/Settings.svelte'), alone) },
};

/** One page with and without something chosen on it. */
function anyItem(page: LazyPage): { list: LazyPage; item: LazyPage } {
  return { list: page, item: page };
}

/** The page at an address; null where there is none. */
export function pageAt(page: string, item: string): LazyPage | null {
  const route = Object.hasOwn(ROUTES, page) ? ROUTES[page] : undefined;
  return (item === '' ? route?.list : (route?.item ?? route?.list)) ?? null;
}

/** Fetches all pages that have not been opened yet, so that opening one takes no time. Failures show when a page is opened. */
export async function loadAllPages(): Promise<void> {
  const pages = Object.values(ROUTES).flatMap(({ list, item }) => [list, item].filter((page) => page !== undefined));
  await Promise.allSettled(pages.map((page) => page.load()));
}
