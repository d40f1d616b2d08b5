import { afterEach, describe, expect, it } from 'vitest';
import { defaultReplay, recommendReplay } from '../../../shared/domain/distance.ts';
import { en } from '../../../shared/words/en/index.ts';
import { heard } from '../../../shared/words/heard.ts';
import { speak, words, wordsNamed } from '../../../shared/words/words.ts';

/** Something for each hole of a sentence: names with blanks and colons in them, as people give. */
function filling(text: string): Record<string, string | number> {
  const holes = [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, hole]) => hole!);
  return Object.fromEntries(holes.map((hole, index) => [hole, hole === 'count' ? 3 : `name ${index}: so "it", too`]));
}

describe('what the studio says', () => {
  afterEach(() => speak('en'));

  it('is found again by its English sentence, whatever it was filled in with, and said in German', async () => {
    const sentences = Object.entries<string>(en.said).map(([name, text]) => {
      const key = `said.${name.replace(/_(one|other)$/, '')}`;
      const parameters = filling(text);
      return { key, parameters, english: wordsNamed(key, parameters) };
    });
    await speak('de');
    for (const { key, parameters, english } of sentences) expect(heard(english), key).toBe(wordsNamed(key, parameters));
  });

  it('says a reason within it in German as well, and writes numbers as German does', async () => {
    const near = recommendReplay({ ngrams: [{ n: 1, divergence: 0.25, floor: { new: 0.2, old: 0.2 }, excess: 0.06 }] }).reason;
    const refused = defaultReplay({ refused: 'too little' }).reason;
    const past = words('said.pastNotMeasured', { name: '1234', reason: words('said.noLonger') });
    const parts = words('said.gainOtherParts', { tokens: '8,160 / 4,080' });
    await speak('de');
    expect(heard(parts)).toMatch(/\(8\.160 \/ 4\.080 Tokens\)\.$/);
    expect(heard(near)).toMatch(/^Neue und alte Daten sind einander nah: ihre Wörter unterscheiden sich um 0,25 .* um 0,20\. .*\(Ibrahim/);
    expect(heard(refused)).toMatch(/^Der Abstand .* \(too little\), also 5 %/);
    expect(heard(past)).toBe(words('said.pastNotMeasured', { name: '1234', reason: words('said.noLonger') }));
  });

  it('leaves names alone that happen to be sentences', async () => {
    const said = words('said.speedOfRun', { run: 'training', engine: 'cpu' });
    await speak('de');
    expect(heard(said)).toBe('dem Tempo des Laufs „training“ auf cpu');
  });

  it('is null where the catalogue has no such sentence, and as it came in English', async () => {
    expect(heard('The disk is full.')).toBe('The disk is full.');
    await speak('de');
    expect(heard('The disk is full.')).toBeNull();
  });
});
