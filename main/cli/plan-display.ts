import type { PlanReport } from '../../shared/contract/planning.ts';
import { type Importance, leastImportantFirst } from '../../shared/domain/importance.ts';
import type { ExpansionPlan } from '../../shared/domain/plan.ts';
import type { SizeOutlook } from '../../shared/domain/plan-summary.ts';
import { insertedWords } from '../../shared/domain/value-words.ts';
import { bytes, change, count, duration, fields, loss, table, tensorsByBlock } from './format.ts';
import type { Session } from './session.ts';

/** Where copies stand and what they copy: "4 (copy of 3), 9 (copy of 7)". */
export function describeInserted({ inserted }: ExpansionPlan): string {
  return insertedWords(inserted);
}

/** What a plan means for a model, in words. */
export function describeReport(report: PlanReport): string {
  const { plan, placement, memory, time } = report;
  const lines: [string, string][] = [
    ['Model', report.model.name],
    ['New blocks', `${describeInserted(plan)}, in a model of ${placement.blocks} blocks, counted from 0`],
    ['Added', `${count(report.addedParameters)} parameters to ${count(report.totalParameters - report.addedParameters)}`],
    ['Backward pass', `through ${placement.backwardBlocks} of ${placement.blocks} blocks`],
    [
      'Memory',
      `about ${bytes(memory.total)} of ${bytes(memory.available)}, with ${report.batch} windows of ${report.context} tokens${memory.fits ? '' : ': it does not fit'}`,
    ],
    [
      'Time',
      time
        ? `about ${duration(time.secondsPerMillionTokens)} for a million tokens, from ${time.basis}`
        : 'not known before a first run on this engine',
    ],
    ...describeSizes(report.sizes),
    ['Trained', `${count(report.trainableParameters)} parameters, in ${report.trainableTensors.length} tensors:`],
  ];
  const trained = tensorsByBlock(report.trainableTensors).map((line) => `  ${line}`);
  return [fields(lines), ...trained, ...(report.importance ? ['', describeImportance(report.importance)] : [])].join('\n');
}

/** Sizes of the exported model, a line for each format. */
export function describeSizes(sizes: readonly SizeOutlook[]): [string, string][] {
  const formats = [
    ['Exported', 'huggingface', 'Hugging Face'],
    ['', 'gguf', 'GGUF'],
  ] as const;
  return formats.map(([label, format, name]) => {
    const each = sizes.filter((size) => size.format === format).map((size) => `${size.type} ${bytes(size.bytes)}${growth(size)}`);
    return [label, `${name}: ${each.join(', ')}`];
  });
}

function growth({ bytes: after, baseBytes }: SizeOutlook): string {
  return after === baseBytes ? '' : ` (+${bytes(after - baseBytes)})`;
}

/** What each block matters, as a table in the order of the blocks, with their rank from the least important. */
export function describeImportance({ blocks, loss: whole, tokens, windows, context, datasets, seconds, engine }: Importance): string {
  const order = leastImportantFirst(blocks);
  const rows = blocks.map((row) => [
    String(row.block),
    loss(row.loss),
    change(row.rise),
    row.standardError === null ? '-' : row.standardError.toFixed(4),
    String(order.indexOf(row.block) + 1),
  ]);
  const measured = fields([
    ['Whole model', `held-out loss ${loss(whole)} nats/token`],
    ['Measured on', `${count(tokens)} tokens in ${windows} windows of ${context}, of ${datasets.map(({ name }) => name).join(', ')}`],
    ['Took', `${duration(seconds)} on ${engine}`],
  ]);
  return `${table(['block', 'loss without', 'rise', 'standard error', 'rank'], rows)}\n\n${measured}`;
}

/** Says how far a measurement is: a line that updates itself on a terminal, one for every tenth elsewhere. */
export function showsProgress(session: Session): {
  onProgress: (progress: { activity: string; done: number; of: number }) => void;
  end: () => void;
} {
  const isTerminal = process.stdout.isTTY && !session.isJson;
  let tenths = 0;
  return {
    onProgress: ({ activity, done, of }) => {
      const share = `${Math.floor((100 * done) / of)} %`;
      if (isTerminal) process.stdout.write(`\r\x1b[2K${share}  ${activity}`);
      else if (Math.floor((10 * done) / of) > tenths) {
        tenths = Math.floor((10 * done) / of);
        session.say(`${share}  ${activity}`);
      }
    },
    end: () => void (isTerminal && process.stdout.write('\r\x1b[2K')),
  };
}
