/** How many places on the page take files that are dropped anywhere; while there is none, the window takes them itself. */
export const ownDropTargets = $state({ count: 0 });
