import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { FromProgram, Questions, ToProgram } from './messages.ts';

const checkout = resolve(import.meta.dirname, '../../..');

export interface ProgramOptions {
  /** Where settings and logs of the person lie. */
  folder: string;
  /** The folder in which the built program lies: the checkout, or what was packed. */
  app?: string;
  /** The resources of a packed program; without them it is one in a checkout. */
  resources?: string;
  /** Of the command line, after the program's name. */
  words?: string[];
}

/** The built program (dist/electron/main.js) in a process of its own in which `electron` is the stand-in, and nothing else is ours. */
export class StandInProgram {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #asked = 0;
  /** Told of what the program does by itself. */
  onMessage: (message: Exclude<FromProgram, { type: 'answer' | 'failed' }>) => void = () => undefined;

  constructor({ folder, app = checkout, resources, words = [] }: ProgramOptions) {
    this.#child = fork(join(app, 'dist/electron/main.js'), words, {
      cwd: app,
      execArgv: ['--import', join(import.meta.dirname, 'register.ts')],
      env: { ...process.env, STRATA_HARNESS_FOLDER: folder, ...(resources && { STRATA_HARNESS_RESOURCES: resources }) },
      serialization: 'advanced',
    });
    this.#child.on('message', (message) => this.#receive(message as FromProgram));
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The program has ended.'));
    });
  }

  ask<What extends keyof Questions>(what: What, asked: Questions[What]['asked']): Promise<Questions[What]['answer']> {
    const number = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      if (this.#child.connected) this.tell({ type: 'ask', number, what, asked });
      else reject(new Error('The program has ended.'));
    });
  }

  tell(message: ToProgram): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Asks for a port as the page does. @param channel on which the page asks. */
  async port(channel: string): Promise<MessagePort> {
    const { port1, port2 } = new MessageChannel();
    this.onMessage = (message) => {
      if (message.type === 'port') port2.on('message', (data) => this.tell({ type: 'port-message', port: message.port, data }));
      else if (message.type === 'port-message') port2.postMessage(message.data);
    };
    await this.ask('send', { channel, values: [], frame: 'strata://app/' });
    return port1;
  }

  /** Resolves once the program has opened its first window; rejects when it ends before. */
  async opened(): Promise<void> {
    const ended = this.ended().then(() => Promise.reject(new Error('The program ended before it opened a window.')));
    ended.catch(() => undefined);
    const isOpen = async (): Promise<boolean> => (await this.ask('state', null)).windows.length > 0;
    while (!(await Promise.race([isOpen(), ended]))) await new Promise((settle) => setTimeout(settle, 20));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async ended(): Promise<void> {
    if (!this.hasEnded) await once(this.#child, 'exit');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  #receive(message: FromProgram): void {
    if (message.type !== 'answer' && message.type !== 'failed') return this.onMessage(message);
    const waiting = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if (message.type === 'answer') waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.message));
  }
}
