import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { describeEvidence } from '../../main/evidence/document.ts';
import type { RungDistance } from '../../main/evidence/study.ts';
import { subject, trained } from './study-runs.ts';

const rungs: RungDistance[] = [
  { target: 'stories', divergence: 0.2, excess: 0.01, lossGap: 0.1 },
  { target: 'code', divergence: 0.9, excess: 0.7, lossGap: 4 },
];
/** Far text is forgotten for, full training most, replay less; seeds differ by a hundredth. */
const runs = trained(({ target, arm, replay, seed }) => ({
  gain: 2 + seed / 100,
  forgetting: target === 'stories' ? 0.01 : (arm === 'full' ? 1.2 : 0.6) * (1 - 2 * replay) + seed / 100,
}));
const { text, pictures } = describeEvidence([{ subject, runs, rungs }], { command: 'npm run evidence', date: '2026-01-02' });

/** What is needed of a parsed picture. */
interface Element {
  querySelectorAll(selector: string): Iterable<Element> & ArrayLike<Element>;
  getAttribute(name: string): string | null;
  textContent: string;
  parentElement: Element | null;
}

const cellsOf = (section: string, ...first: string[]): string[] => {
  const lines = text.slice(text.indexOf(section)).split('\n');
  const line = lines.find((each) => each.startsWith(`| ${first.join(' | ')} |`))!;
  return line
    .split('|')
    .slice(1 + first.length, -1)
    .map((cell) => cell.trim());
};

it('says how much of the held-out text was measured, and which', () => {
  expect(text).toContain('measured on 100 tokens spread over the held-out part, of each role');
});

it('has the means of the seeds with their intervals', () => {
  // Seeds add 0.01, 0.02 and 0.03: deviation 0.01, t of two degrees 4.303.
  expect(cellsOf('### Arms without replay', 'full', '1', '0.001').slice(0, 2)).toEqual(['2.020 ± 0.025', '1.220 ± 0.025']);
});

it('answers on which rungs old text was kept', () => {
  expect(cellsOf('Did the old loss rise', 'full', '0 %')).toEqual(['yes', '**no**']);
  expect(text).toContain('| stories (0.01) | code (0.70) |');
});

it('shows pictures with the points that the tables have', () => {
  expect(pictures.map(({ file }) => file)).toEqual([
    'evidence-arms-tiny.svg',
    'evidence-replay-tiny.svg',
    'evidence-ladder-forgetting.svg',
    'evidence-ladder-gain.svg',
  ]);
  for (const { file, description } of pictures) expect(text).toContain(`![${description}](images/${file})`);
  const [arms, , forgetting] = pictures.map(({ svg }) => parseHTML(svg).document as unknown as Element);
  const dotsOf = (svg: Element, name: string): { x: number; y: number }[] => {
    const names = [...svg.querySelectorAll('g > text.name')].map(({ textContent }) => textContent);
    expect(names).toContain(name);
    const series = svg.querySelectorAll('polyline')[names.indexOf(name)]!.parentElement!;
    return [...series.querySelectorAll('circle')].map((dot) => ({ x: Number(dot.getAttribute('cx')), y: Number(dot.getAttribute('cy')) }));
  };
  expect(dotsOf(arms!, 'full'), 'three learning rates').toHaveLength(3);
  const [near, far] = dotsOf(forgetting!, 'full');
  const [nearReplayed, farReplayed] = dotsOf(forgetting!, 'full, 25 % replay');
  expect(far!.x).toBeGreaterThan(near!.x);
  expect(far!.y, 'more is further up').toBeLessThan(farReplayed!.y);
  expect(near).toEqual(nearReplayed);
});
