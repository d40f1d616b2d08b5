import { type Group, groupsOf, spreadOf } from './analysis.ts';
import { armsFor, MIXED_ARMS } from './arms.ts';
import { armsPicture, LADDER, ladderPictures, type Picture, replayPicture } from './charts.ts';
import { verdictsOn } from './claims.ts';
import { plannedRuns, type Subject } from './plan.ts';
import type { RungDistance, StudyRun } from './study.ts';
import { RUNG_TITLES } from './subjects.ts';
import { interval, markdownTable } from './words.ts';

/** docs/evidence.md, from what the workspace of the study has. */

export interface Evidence {
  subject: Subject;
  runs: StudyRun[];
  rungs: RungDistance[];
}

/** The document, and the pictures that it shows from the folder `images` beside it. */
export interface EvidenceDocument {
  text: string;
  pictures: Picture[];
}

export function describeEvidence(evidence: readonly Evidence[], { command, date }: { command: string; date: string }): EvidenceDocument {
  const pictures: Picture[] = [];
  const show = (picture: Picture): string => {
    pictures.push(picture);
    return `![${picture.description}](images/${picture.file})`;
  };
  const sections = evidence.map((each) => describeSubject(each, show));
  return { text: [headOf(evidence, command, date), ...sections, tailOf(evidence)].join('\n\n') + '\n', pictures };
}

/** "0.26 to 2.83 million parameters". */
function sizes(evidence: readonly Evidence[]): string {
  const millions = evidence.map(({ subject }) => subject.parameters / 1e6);
  return `${Math.min(...millions).toFixed(2)} to ${Math.max(...millions).toFixed(2)} million parameters`;
}

const headOf = (evidence: readonly Evidence[], command: string, date: string): string => `# Evidence: the paper in small

Written by \`${command}\` on ${date}. Every run is in the database of its workspace: \`npm start -- --home DIR\` opens it in the studio. The same command again trains only what is missing.

What LLaMA Pro (arXiv 2401.02415) claims of block expansion, what others have claimed since, and the question that the paper leaves open, how far the new data may be from the old, tried on models of ${sizes(evidence)}. A verdict here is one about that scale: a tiny model far from its domain is the hardest
case, and nothing below says what a model of seven billion would do.

How it was done: the same tokens for every arm of a subject; losses on held-out documents, in nats per token, against the base before step 1; mean over seeds with the half width of the 95 % interval by Student's t; two arms are compared seed by seed, and where that interval holds 0 the verdict is *cannot tell*. "At equal gain" reads each
run where it had gained so much, between the two measurements around that moment, and lets each arm have the learning rate of its sweep that forgets least there: comparing at equal steps says more of learning rates than of methods. Three seeds are few: what is small may be missed.`;

function tailOf(evidence: readonly Evidence[]): string {
  const tokens = Math.max(...evidence.map(({ subject: { budget } }) => budget.batch! * budget.context! * budget.steps!));
  return `## What is not in it

- Models and budgets of the paper: its 1.62 billion new parameters saw 66.7 billion tokens, models of ${sizes(evidence)} saw up to ${(tokens / 1e6).toFixed(1)} million here.
- Scores of tasks: models of this size answer benchmarks at chance.
- Training of everything after an expansion, the mixture of experts and the second stage (instruction tuning) of the paper.`;
}

const ORDER_WORDS = { first: 'at the beginning of the held-out part', spread: 'spread over the held-out part' } as const;

function describeSubject({ subject, runs, rungs }: Evidence, show: (picture: Picture) => string): string {
  const description = `${subject.title}: ${subject.parameters.toLocaleString('en')} parameters, ${subject.blocks} blocks, reads ${subject.knows}`;
  const planned = plannedRuns(subject).length;
  const [first] = runs;
  if (!first) return `## ${description}\n\nNo run of it has been trained yet.`;
  const { context, batch, steps } = subject.budget;
  const tokens = (context! * batch! * steps!).toLocaleString('en');
  const windows = [...new Set(runs.map(({ measured }) => `${measured.tokens.toLocaleString('en')} tokens ${ORDER_WORDS[measured.order]}`))];
  const about = `${runs.length} of ${planned} runs, ${subject.seeds.length} seeds, ${tokens} tokens each, on ${[...new Set(runs.map(({ engine }) => engine))].join(', ')}; measured on ${windows.join(' or ')}, of each role. Old: ${subject.old}, loss ${first.baseline.old.toFixed(3)}; new, but for the ladder: ${subject.target}, loss ${baselineOf(runs, subject.target)}.`;
  const onTarget = runs.filter(({ target }) => target === subject.target);
  return [
    `## ${description}`,
    about,
    `### Claims\n\n${claimsTable(subject, runs)}`,
    `### Arms without replay\n\n${show(armsPicture(subject, runs))}\n\n${armsTable(subject, onTarget)}`,
    ...(subject.replay.length > 0 ? [`### Replay\n\n${show(replayPicture(subject, runs))}\n\n${replayTable(subject, onTarget)}`] : []),
    ...(rungs.length > 0
      ? [
          '### How far may new data be from old?',
          ...ladderPictures(subject, runs, rungs).map(show),
          limitTable(subject, runs, rungs),
          ladderTable(subject, runs, rungs),
        ]
      : []),
  ].join('\n\n');
}

function baselineOf(runs: readonly StudyRun[], target: string): string {
  return runs.find((run) => run.target === target)?.baseline.new.toFixed(3) ?? 'not measured';
}

function claimsTable(subject: Subject, runs: readonly StudyRun[]): string {
  const rows = verdictsOn(subject, runs).map(({ claim, source, verdict, measured }) => [claim, source, `**${verdict}**`, measured]);
  return markdownTable(['claim', 'whose', 'here', 'measured'], rows);
}

function armsTable(subject: Subject, runs: readonly StudyRun[]): string {
  const groups = groupsOf(runs.filter(({ replay }) => replay === 0));
  const rows = armsFor(subject.blocks).flatMap(({ key, title, rates }) =>
    rates.flatMap((rate) => {
      const group = groups.find((each) => each.arm === key && each.learningRate === rate);
      return group ? [[title, group.runs[0]!.trainableParameters.toLocaleString('en'), String(rate), ...figures(group)]] : [];
    }),
  );
  return markdownTable(['arm', 'trained', 'rate', 'gain', 'forgetting', 'drift'], rows);
}

function replayTable(subject: Subject, runs: readonly StudyRun[]): string {
  const arms = armsFor(subject.blocks);
  const groups = groupsOf(runs);
  const rows = MIXED_ARMS(subject.blocks).flatMap((key) => {
    const { title, rates } = arms.find((arm) => arm.key === key)!;
    return groups
      .filter(({ arm, learningRate }) => arm === key && learningRate === rates[1])
      .sort((a, b) => a.replay - b.replay)
      .map((group) => [title, `${100 * group.replay} %`, ...figures(group)]);
  });
  return markdownTable(['arm', 'replay', 'gain', 'forgetting', 'drift'], rows);
}

function ladderTable(subject: Subject, runs: readonly StudyRun[], rungs: readonly RungDistance[]): string {
  const arms = armsFor(subject.blocks);
  const groups = groupsOf(runs);
  const rows = rungs.flatMap(({ target, divergence, excess, lossGap }) =>
    MIXED_ARMS(subject.blocks).flatMap((key) => {
      const { title, rates } = arms.find((arm) => arm.key === key)!;
      return groups
        .filter((group) => group.target === target && group.arm === key && group.learningRate === rates[1])
        .filter(({ replay }) => LADDER.includes(replay))
        .sort((a, b) => a.replay - b.replay)
        .map((group) => [
          `${target} (${RUNG_TITLES[target]})`,
          `${divergence.toFixed(2)} / ${excess.toFixed(2)} / ${lossGap.toFixed(2)}`,
          title,
          `${100 * group.replay} %`,
          ...figures(group),
        ]);
    }),
  );
  const head = ['new data', 'distance: words / above the floor / loss gap', 'arm', 'replay', 'gain', 'forgetting', 'drift'];
  return `${markdownTable(head, rows)}\n\nDistance was measured before any training: Jensen-Shannon divergence of single words in bits, what of it lies above that of two halves of one side (0 to 1), and how much more the base loses on the new text, in bits per byte.`;
}

/** A rise of the old loss that is usually let pass, nats per token: the limit of CMR (arXiv 2407.17467). */
const LIMIT = 0.05;

/** The open question answered: on which rungs the old loss rose by no more than a limit. */
function limitTable(subject: Subject, runs: readonly StudyRun[], rungs: readonly RungDistance[]): string {
  const arms = armsFor(subject.blocks);
  const groups = groupsOf(runs);
  const rows = MIXED_ARMS(subject.blocks).flatMap((key) => {
    const { title, rates } = arms.find((arm) => arm.key === key)!;
    return LADDER.map((share) => [
      title,
      `${100 * share} %`,
      ...rungs.map(({ target }) => {
        const group = groups.find(
          (each) => each.target === target && each.arm === key && each.replay === share && each.learningRate === rates[1],
        );
        return group ? withinLimit(group) : 'not trained';
      }),
    ]);
  });
  const head = ['arm', 'replay', ...rungs.map(({ target, excess }) => `${target} (${excess.toFixed(2)})`)];
  return `Did the old loss rise by no more than ${LIMIT} nats per token, at the distance in brackets (words, above the floor)?\n\n${markdownTable(head, rows)}`;
}

function withinLimit({ runs }: Group): string {
  const { mean, halfWidth } = spreadOf(runs.map(({ forgetting }) => forgetting));
  if (halfWidth === null || Math.abs(mean - LIMIT) <= halfWidth) return 'cannot tell';
  return mean < LIMIT ? 'yes' : '**no**';
}

function figures({ runs }: Group): string[] {
  return [runs.map(({ gain }) => gain), runs.map(({ forgetting }) => forgetting), runs.map(({ drift }) => drift)].map((values) =>
    interval(spreadOf(values)),
  );
}
