import type { SamplesOfRun } from '../../shared/contract/runs.ts';

/** Each beginning with what the base made of it and, after each step, the model; marks of lines written out, so that each is one line. */
export function describeSamples({ prompts, samples }: SamplesOfRun): string {
  if (prompts.length === 0) return 'No samples of text: the run was made without (--set sampleEverySteps=N has them written).';
  const width = Math.max(...samples.map(({ step }) => String(step).length), 0) + 'step '.length;
  const line = (who: string, text: string): string => `  ${who.padEnd(Math.max(width, 'base'.length))}  ${JSON.stringify(text)}`;
  return prompts
    .map(({ prompt, role, base, goesOn }, index) =>
      [
        `${role === null ? '' : `${role}: `}${JSON.stringify(prompt)}`,
        line('base', base),
        ...samples.map(({ step, texts }) => line(`step ${step}`, texts[index] ?? '')),
        ...(goesOn === null ? [] : [line('text', goesOn)]),
      ].join('\n'),
    )
    .join('\n\n');
}
