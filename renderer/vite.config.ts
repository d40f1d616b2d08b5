import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte()],
  build: {
    ...{ outDir: '../dist/renderer', emptyOutDir: true, target: 'chrome140', modulePreload: { polyfill: false } },
    // Each file is a request before the first page stands: icons and what every page is made of travel together.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'icons', test: /@lucide/ },
            { name: 'primitives', test: /node_modules[\\/](bits-ui|@floating-ui|svelte-toolbelt|runed|tabbable)/ },
            { name: 'common', test: /^(?!.*node_modules).*[\\/](renderer|shared)[\\/]/, minShareCount: 4 },
          ],
        },
      },
    },
  },
});
