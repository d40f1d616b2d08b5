import { mount } from 'svelte';
import App from './App.svelte';
import { pageAt } from './pages.ts';
import './styles/base.css';
import { pageLanguage } from './ui/language.svelte.ts';
import './ui/motion.svelte.ts';
import { route } from './ui/route.svelte.ts';

// The page that is opened is fetched meanwhile; if that fails, it is shown where the page would stand.
void pageAt(route.page, route.item)
  ?.load()
  .catch(() => undefined);
// Without its catalogue a language is not spoken; the pages then stay in English rather than empty.
await pageLanguage.apply().catch(() => undefined);
mount(App, { target: document.getElementById('app')! });
