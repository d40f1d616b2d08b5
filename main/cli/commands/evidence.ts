import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { StrataError } from '../../../shared/errors.ts';
import { describeEvidence, type Evidence } from '../../evidence/document.ts';
import { plannedRuns } from '../../evidence/plan.ts';
import { carryOut, measureRungs, readRuns } from '../../evidence/study.ts';
import { embeddedBase, shallowStoryTeller, storyTeller } from '../../evidence/subjects.ts';
import { command, type CommonOptions, withSession } from '../session.ts';

type EvidenceOptions = CommonOptions & { data: string; subject?: string; out?: string; report?: boolean };

/** Beside the checkout, where the project's developers keep models and texts. */
const DATA = join(import.meta.dirname, '../../../../shared/data');

/** `strata evidence`: the study of docs/evidence.md. */
export function evidenceCommand(): Command {
  return command('evidence', "the paper's claims tried in small: some 350 runs, of which those are trained that the workspace lacks")
    .option('--data <dir>', 'folder of models and texts', DATA)
    .option('--subject <key>', 'train only of this one: stories260k, tinystories-656k or base')
    .option('--out <file>', 'write the document there, and its pictures into the folder images beside it, instead of to stdout')
    .option('--report', 'train nothing: write of what is there')
    .action((options: EvidenceOptions) =>
      withSession(options, async (session) => {
        const { studio, say } = session;
        const data = resolve(options.data);
        const subjects = [await storyTeller(studio, data), await shallowStoryTeller(studio, data), await embeddedBase(studio)];
        const chosen = subjects.filter(({ key }) => options.subject === undefined || key === options.subject);
        if (chosen.length === 0) {
          throw new StrataError('BAD_INPUT', 'The study has no such subject.', {
            found: options.subject,
            allowed: subjects.map(({ key }) => key).join(', '),
          });
        }
        const total = chosen.reduce((sum, subject) => sum + plannedRuns(subject).length, 0);
        if (!options.report) {
          say(`${total} runs in all; those that are there are not trained again.`);
          await session.interruptible(async (signal) => {
            for (const subject of chosen) await carryOut(studio, subject, say, signal);
          });
        }
        const evidence: Evidence[] = [];
        for (const subject of subjects) {
          evidence.push({ subject, runs: readRuns(studio, subject), rungs: await measureRungs(studio, subject) });
        }
        const { text, pictures } = describeEvidence(evidence, { command: 'npm run evidence', date: new Date().toISOString().slice(0, 10) });
        if (options.out !== undefined) {
          await writeFile(options.out, text);
          const images = join(dirname(resolve(options.out)), 'images');
          await mkdir(images, { recursive: true });
          for (const { file, svg } of pictures) await writeFile(join(images, file), svg);
        }
        const runs = evidence.map(({ subject, runs: each }) => ({
          subject: subject.key,
          trained: each.length,
          planned: plannedRuns(subject).length,
        }));
        session.print({ runs, out: options.out ?? null }, () =>
          options.out === undefined
            ? text
            : `${runs.map(({ subject, trained, planned }) => `${subject}: ${trained} of ${planned} runs`).join('\n')}\nWritten: ${options.out}`,
        );
      }),
    );
}
