import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { utilityTrainer } from '../../main/electron/trainer.ts';

class UtilityStandIn extends EventEmitter {
  readonly stderr = new PassThrough();
  readonly posted: unknown[] = [];
  killed = false;
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  kill(): boolean {
    return (this.killed = true);
  }
}

test('the trainer runs as a utility process with the engine’s environment, and its last words are kept', async () => {
  const child = new UtilityStandIn();
  const forks: unknown[][] = [];
  const fork = (...values: unknown[]): UtilityStandIn => {
    forks.push(values);
    return child;
  };
  const port = utilityTrainer({ fork } as never, '/app/process.js')({ TF_ENABLE_ONEDNN_OPTS: '1' });
  const [entry, , options] = forks[0] as [string, string[], { env: Record<string, string>; serviceName: string }];
  expect(entry).toBe('/app/process.js');
  expect(options.env).toMatchObject({ PATH: process.env.PATH, TF_ENABLE_ONEDNN_OPTS: '1' });

  const messages: unknown[] = [];
  const exits: unknown[][] = [];
  port.onMessage((message) => messages.push(message));
  port.onExit((...exit) => exits.push(exit));
  port.send({ type: 'control', control: 'pause' });
  child.emit('message', { type: 'finished', result: 1 });
  child.stderr.write('out of memory');
  await new Promise((resolve) => setImmediate(resolve));
  child.emit('exit', 134);
  port.kill();
  expect({ posted: child.posted, messages, exits, killed: child.killed }).toEqual({
    posted: [{ type: 'control', control: 'pause' }],
    messages: [{ type: 'finished', result: 1 }],
    exits: [[{ code: 134, signal: null, words: 'out of memory' }]],
    killed: true,
  });
});
