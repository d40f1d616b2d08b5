/**
 * The arrows of the architecture: hosts -> studio -> {store, datasets, models, training} -> llama -> engine; all -> shared;
 * renderer -> shared only. A room lists what it may import; everything else of ours is an error.
 */
/**
 * Rooms, outermost first; each may use itself, `shared` and what is listed. Of the four rooms at one height, training reads datasets and
 * models, datasets reads models (a tokenizer makes token shards), and the store stands alone.
 * @type {Record<string, { room: string, may: string[] }>}
 */
const ARROWS = {
  // A host starts the studio and hands it the executor of its kind; `strata serve` is the web host started from a terminal.
  electron: { room: '^main/electron/', may: ['^main/studio/', '^main/training/(process-)?executor\\.ts$'] },
  web: { room: '^main/web/', may: ['^main/studio/', '^main/training/(process-)?executor\\.ts$'] },
  cli: { room: '^main/cli/', may: ['^main/studio/', '^main/training/(process-)?executor\\.ts$', '^main/(web|bench|evidence)/'] },
  // The study of docs/evidence.md does with the studio what a person would.
  evidence: { room: '^main/evidence/', may: ['^main/studio/'] },
  // Benchmarks time the trainer's own functions in processes of their own: no workspace, no store.
  bench: { room: '^main/bench/', may: ['^main/(training|models|datasets|store|llama|engine)/'] },
  studio: { room: '^main/studio/', may: ['^main/(store|datasets|models|training|llama|engine)/'] },
  training: { room: '^main/training/', may: ['^main/(datasets|models|llama|engine)/'] },
  datasets: { room: '^main/datasets/', may: ['^main/(models|llama|engine)/'] },
  models: { room: '^main/models/', may: ['^main/(llama|engine)/'] },
  store: { room: '^main/store/', may: [] },
  llama: { room: '^main/llama/', may: ['^main/engine/'] },
  engine: { room: '^main/engine/', may: [] },
  shared: { room: '^shared/', may: [] },
  renderer: { room: '^renderer/', may: [] },
};

const OURS = '^(main|renderer|resources|scripts|tests)/';

const arrows = Object.entries(ARROWS).map(([name, { room, may }]) => ({
  name: `arrows-${name}`,
  comment: `${name} may import ${['shared', ...may].join(', ')} and nothing else of ours`,
  severity: 'error',
  from: { path: room },
  to: { path: OURS, pathNot: [room, ...may] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'pure',
      comment: 'llama and shared touch no file, clock or process, and so run anywhere',
      severity: 'error',
      from: { path: '^(main/llama|shared)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pages-in-a-browser',
      comment: "pages run in a browser's sandbox: no Node",
      severity: 'error',
      from: { path: '^renderer/', pathNot: '^renderer/vite\\.config\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'electron-in-its-host',
      comment: 'the electron module exists only inside Electron: its two entries import it, everything else is handed what it needs',
      severity: 'error',
      from: { path: '.', pathNot: '^main/electron/(main|preload)\\.ts$' },
      to: { path: '(^|/)node_modules/electron/', dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types', 'svelte'] },
  },
};
