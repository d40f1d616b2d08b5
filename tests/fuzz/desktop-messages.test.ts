import { describe, expect, it } from 'vitest';
import { CHANNELS } from '../../main/electron/channels.ts';
import { senderFrame } from '../electron/harness/stand-in-objects.ts';
import { anything, cases, DESKTOP_FUZZ_TIMEOUT_MS, expectAnswer, isCopiable, pick, useDesktopFuzz } from '../support/desktop-fuzz.ts';

/**
 * Messages on the desktop's own channels, beside the contract, with seeded hostile values: from any frame, and through the preload's functions as
 * a page has them. Nothing ends the program, every answer is of its kind, and only what a person chose in a dialog or dropped is granted.
 */

const fuzz = useDesktopFuzz();
const LISTENED = [CHANNELS.connect, CHANNELS.listen, CHANNELS.progress, CHANNELS.notify, CHANNELS.showLogs];
const ANSWERED = [
  ...[CHANNELS.pickPaths, CHANNELS.droppedPaths, CHANNELS.pickSavePath, CHANNELS.recentWorkspaces, CHANNELS.openWorkspace],
  ...[CHANNELS.settings, CHANNELS.changeSettings, CHANNELS.checkForUpdate],
];
const STRANGERS = [
  ...['https://app/', 'strata://app.evil/', 'strata://evil/?strata://app/', 'strata-studio://app/', 'file:///etc/passwd'],
  ...['', 'about:blank', 'data:text/html,x', 'blob:strata://app/1', 'javascript:strata://app/', 'strata:app', 'strata:///app/'],
];

describe('messages on every channel', () => {
  it('from the page itself are answered in kind, whatever is in them', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
    const answers = new Set<string>();
    await cases(fuzz, async (text) => {
      const values = [anything(fuzz), anything(fuzz)].filter(isCopiable);
      const frame = senderFrame(pick(fuzz, ['strata://app/', 'strata://app/runs/1?x#y', 'STRATA://app/']));
      if (fuzz.random() < 0.3) return fuzz.host.send(pick(fuzz, LISTENED), frame, ...values);
      const channel = pick(fuzz, ANSWERED);
      // This one believes the preload, which alone can send on it: what a page can do with it stands below.
      if (channel === CHANNELS.droppedPaths)
        values[0] = pick<unknown>(fuzz, [fuzz.where.chosen, [], null, { length: 3 }, 'x', [1, null, {}]]);
      const answer = await fuzz.host.invoke(channel, frame, ...values);
      expectAnswer(fuzz, channel, answer, `${text}, ${channel}`);
      answers.add(`${channel} ${JSON.stringify(answer)?.slice(0, 30)}`);
    });
    expect(answers.size).toBeGreaterThan(ANSWERED.length); // dialogs were cancelled and not, settings changed and not
  });

  it('from any other frame change nothing, and are answered with nothing', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
    const settings = JSON.stringify(await fuzz.host.invoke(CHANNELS.settings, senderFrame()));
    await cases(fuzz, async (text) => {
      const { electron, granted } = fuzz.host;
      const calls = electron.calls.length;
      const frame = pick<unknown>(fuzz, [null, ...STRANGERS.map((url) => senderFrame(url)), senderFrame('strata://app/', senderFrame())]);
      const values = [anything(fuzz)].filter(isCopiable);
      for (const channel of [pick(fuzz, LISTENED), pick(fuzz, LISTENED)]) fuzz.host.send(channel, frame, ...values);
      const answer = await fuzz.host.invoke(pick(fuzz, ANSWERED), frame, ...values);
      expect([[], null, false, undefined], text).toContainEqual(answer);
      expect({ calls: electron.calls.length, granted: granted.size, sent: electron.windows[0]!.webContents.sent }, text).toEqual({
        ...{ calls, granted: 0, sent: [] },
      });
      expect((frame as { received?: unknown[] } | null)?.received ?? [], text).toEqual([]);
    });
    expect(JSON.stringify(await fuzz.host.invoke(CHANNELS.settings, senderFrame()))).toBe(settings);
  });
});

it('a page gets nothing with the preload’s functions that nobody chose', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
  await cases(fuzz, async (text) => {
    const { page } = fuzz.host;
    const files = [
      new File(['a'], pick(fuzz, ['a.txt', 'made-up.txt', 'secret.json'])),
      anything(fuzz),
      { name: 'a.txt', path: fuzz.where.secret },
    ];
    const acts: (() => unknown)[] = [
      () => page.filesToPaths(pick<unknown>(fuzz, [files.slice(0, 1), files.slice(2), files, anything(fuzz)]) as File[]),
      () => page.pickPaths(anything(fuzz) as 'files'),
      () => page.pickSavePath(anything(fuzz) as string),
      () => page.showProgress(anything(fuzz) as number),
      () => page.notify(anything(fuzz) as { title: string; body: string }),
      () => page.openWorkspace(anything(fuzz) as string),
      () => page.settings.change(anything(fuzz) as object),
      () => page.onEvent(anything(fuzz) as () => void)(),
      () => page.checkForUpdate(),
      () => page.recentWorkspaces(),
      () => (page.requestPort(), page.showLogs()),
    ];
    // What a page does wrong fails on its own side, as it must.
    const told = await Promise.resolve()
      .then(pick(fuzz, acts))
      .catch((error: unknown) => String(error));
    expect(JSON.stringify(told) ?? '', text).not.toContain(fuzz.where.secret);
  });
});
