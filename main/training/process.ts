import type { EngineInfo } from '../../shared/contract/engines.ts';
import { engineDirectory } from '../engine/engine-directory.ts';
import { examineEngine } from '../engine/examine-engine.ts';
import { type EngineName, loadEngine } from '../engine/load-engine.ts';
import { evaluateText } from './evaluate-job.ts';
import { evaluatePackGate } from './gate-job.ts';
import { importFiles } from './import-job.ts';
import { measureImportance } from './importance-job.ts';
import { measureMovement } from './movement-job.ts';
import { commandSchema, type Control, type Job, type TrainerEvent } from './messages.ts';
import { scoreModel } from './score-job.ts';
import { writeSelfReplay } from './self-replay-job.ts';
import { Speech } from './speech-job.ts';
import { train } from './train.ts';
import { explainFailure, workOf } from './trainer-end.ts';
import { verifyExpansion } from './verify-job.ts';

/**
 * The trainer process: takes one job, does it, answers, ends. The same file runs as a forked Node process and as an Electron
 * utility process; they differ only in the port that messages go through.
 */

interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
}

const electronPort = (process as unknown as { parentPort?: ParentPort }).parentPort;
let requested: Control | null = null;
let isTraining = false;
/** Requests of a speech job: they may come before its engine is loaded. */
const speech = new Speech((event) => void send(event));
/** Stops an import. */
const stop = new AbortController();

function receive(message: unknown): void {
  const command = commandSchema.parse(message);
  if (command.type === 'control') {
    requested = command.control;
    stop.abort();
  } else if (command.type === 'start') void answer(command.job);
  else if (command.type === 'ask') speech.ask(command.number, command.request);
  else speech.leave(command.number);
}

/** Resolves once the message is on its way: exiting earlier would lose it. */
function send(event: TrainerEvent): Promise<void> {
  if (electronPort) {
    electronPort.postMessage(event);
    return Promise.resolve();
  }
  if (!process.connected) return Promise.resolve(); // the studio is gone; what matters is on disk
  return new Promise((resolve) => process.send!(event, () => resolve()));
}

async function answer(job: Job): Promise<void> {
  try {
    await send({ type: 'finished', result: await perform(job) });
  } catch (error) {
    await send({ type: 'failed', error: explainFailure(error, workOf(job)).toRecord() });
  }
  process.exit(0);
}

async function perform(job: Job): Promise<unknown> {
  if (job.kind === 'self-test') {
    const engines: EngineInfo[] = [];
    for (const name of job.engines) engines.push(await examineEngine(name as EngineName, engineDirectory()));
    return { selected: null, engines };
  }
  const emit = (event: TrainerEvent): void => void send(event);
  if (job.kind === 'import') return importFiles(job, emit, stop.signal);
  const name = job.kind === 'train' ? job.configuration.engine : job.engine;
  const engine = await loadEngine(name as EngineName, engineDirectory());
  switch (job.kind) {
    case 'train':
      isTraining = true;
      return train(job, engine, emit, () => requested);
    case 'speech':
      return speech.serve(engine);
    case 'gate':
      return evaluatePackGate(job, engine, emit);
    case 'evaluate':
      return evaluateText(job, engine);
    case 'importance':
      return measureImportance(job, engine, emit);
    case 'movement':
      return measureMovement(job, engine);
    case 'self-replay':
      return writeSelfReplay(job, engine, emit);
    case 'score':
      return scoreModel(job, engine, emit);
    case 'verify':
      return verifyExpansion(job, engine);
  }
}

if (electronPort) electronPort.on('message', ({ data }) => receive(data));
else process.on('message', receive);

// An orphan must not train on for ever: it saves a checkpoint and ends, as if Ctrl-C had been pressed.
process.on('disconnect', () => {
  if (isTraining) requested = 'interrupt';
  else process.exit(1);
});
process.on('SIGINT', () => undefined); // the studio decides what Ctrl-C means
