import type { utilityProcess } from 'electron';
import { LastWords, type SpawnTrainer } from '../training/process-executor.ts';

/**
 * The trainer as a utility process: Node with a crash domain of its own, which works without letting the Electron binary run as plain Node.
 * @param entry the bundled main/training/process.ts
 */
export function utilityTrainer(electron: Pick<typeof utilityProcess, 'fork'>, entry: string): SpawnTrainer {
  return (environment) => {
    const child = electron.fork(entry, [], {
      serviceName: 'Strata trainer',
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
      // TensorFlow's library comes from its own wheel and is not signed by us.
      allowLoadingUnsignedLibraries: true,
    });
    const lastWords = new LastWords();
    child.stderr?.on('data', (chunk: Buffer) => lastWords.hear(chunk));
    let crash = '';
    child.on('error', (type, location) => {
      crash = `${type} at ${location}`;
    });
    return {
      send: (command) => child.postMessage(command),
      onMessage: (listener) => child.on('message', listener),
      onExit: (listener) =>
        child.on('exit', (code) => listener({ code, signal: null, words: [crash, lastWords.toString()].filter(Boolean).join(' ') })),
      // A utility process knows only the polite signal: without a handler of its own it ends at once.
      kill: () => child.kill(),
    };
  };
}
