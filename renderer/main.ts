import { mount } from 'svelte';
import App from './App.svelte';
import './styles/base.css';
import { pageLanguage } from './ui/language.svelte.ts';
import './ui/motion.svelte.ts';

// Without its catalogue a language is not spoken; the pages then stay in English rather than empty.
await pageLanguage.apply().catch(() => undefined);
mount(App, { target: document.getElementById('app')! });
