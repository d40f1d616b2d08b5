/** Engine packs: libraries that are fetched when they are wanted. */
export const engines = {
  packs: 'Engine packs',
  packsNote: 'Faster arithmetic that does not come with Strata because of its size. It is checked before anything of it is used.',
  none: 'There is no engine pack for this machine.',
  size: '{{download}} to fetch, {{disk}} on the disk',
  sizeOnDisk: 'up to {{disk}} on the disk',
  licence: 'Licence: {{licence}}',
  accept: 'I have read the licence and accept it',
  fetch: 'Fetch and install',
  goOn: 'Go on',
  fromFile: 'Install from a file',
  stop: 'Stop',
  remove: 'Remove',
  installed: 'installed',
  stopped: 'stopped',
  failed: 'failed',
  progress: '{{title}}, how far it is',
} as const;
