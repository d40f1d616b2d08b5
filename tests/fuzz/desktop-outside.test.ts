import { writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CHANNELS } from '../../main/electron/channels.ts';
import { LINK_SCHEME } from '../../main/electron/launch.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { ContentsStandIn, senderFrame } from '../electron/harness/stand-in-objects.ts';
import { cases, DESKTOP_FUZZ_TIMEOUT_MS, expectAnswer, expectUnharmed, pick, startHost, useDesktopFuzz } from '../support/desktop-fuzz.ts';
import { SECRET } from '../support/host-under-fire.ts';
import { FUZZ_CASES, FUZZ_SEED } from '../support/mutate.ts';
import { mutateJson } from '../support/mutate-json.ts';

/**
 * What reaches the desktop program from outside its pages, seeded and hostile: links, files, command lines, addresses, names of downloads, and
 * damaged files of the person. Nothing ends the program, and nothing comes of it but what is meant to.
 */

const fuzz = useDesktopFuzz();

describe('from outside', () => {
  /** Links, names and words that mean too much. */
  const word = (): string => {
    const parts = [
      'run',
      'a-1',
      '..',
      '.',
      '',
      '%2e%2e',
      'A',
      '\0',
      '\n',
      '?x=1',
      '#y',
      'x'.repeat(100),
      '@',
      'settings',
      '\u202e',
      'é',
      ':',
      '\\',
    ];
    const path = Array.from({ length: 1 + Math.floor(fuzz.random() * 5) }, () => pick(fuzz, parts)).join(
      pick(fuzz, ['/', '/', '//', '\\', '']),
    );
    const scheme = pick(fuzz, [
      `${LINK_SCHEME}://`,
      `${LINK_SCHEME}://run/`,
      `${LINK_SCHEME}:`,
      'strata://',
      'file://',
      '--home=',
      '-',
      '',
      'https://arxiv.org/',
    ]);
    return `${scheme}${path}${pick(fuzz, ['', '', '.strata-pack', '.STRATA-PACK\0'])}`;
  };

  it(
    'a link opens a run by its id and nothing else; a pack is imported after a question',
    { timeout: DESKTOP_FUZZ_TIMEOUT_MS },
    async () => {
      const seen = new Set<string>();
      await cases(fuzz, async (text) => {
        const { electron } = fuzz.host;
        fuzz.host.send(CHANNELS.listen, senderFrame());
        const page = electron.windows[0]!.webContents;
        const event = { preventDefault: () => undefined };
        const way = fuzz.random();
        if (way < 0.4) electron.app.emit('open-url', event, word());
        else if (way < 0.7) electron.app.emit('open-file', event, word());
        else
          electron.app.emit(
            'second-instance',
            {},
            Array.from({ length: Math.floor(fuzz.random() * 4) }, word),
            pick(fuzz, ['/', fuzz.where.root, '', word()]),
          );
        const consents = electron.dialogAnswers.showMessageBox.response === 0;
        const isAsked = electron.called('dialog.showMessageBox').length > 0;
        if (consents && isAsked)
          await vi.waitUntil(() => page.sent.some(([, sent]) => (sent as { type: string }).type === 'import'), {
            interval: 1,
            timeout: 10_000,
          });
        for (const [, sent] of page.sent.splice(0) as [string, { type: string; run?: string; paths?: string[] }][]) {
          seen.add(sent.type);
          if (sent.type === 'run') expect(sent.run, text).toMatch(/^[a-z0-9][a-z0-9-]{0,79}$/);
          else {
            expect([sent.type, consents], text).toEqual(['import', true]);
            expect(
              sent.paths!.every((path) => /^\/[^\0]*\.strata-pack$/i.test(path)),
              text,
            ).toBe(true);
          }
        }
        for (const path of fuzz.host.granted) if (consents && path.endsWith('.strata-pack')) fuzz.host.granted.delete(path);
      });
      expect([...seen].sort()).toEqual(['import', 'run']);
    },
  );

  it('no address leads out of the studio, no name out of the folder of downloads', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
    await cases(fuzz, async (text) => {
      const { electron } = fuzz.host;
      const contents = new ContentsStandIn();
      electron.app.emit('web-contents-created', {}, contents);
      const address = `${pick(fuzz, ['https://', 'https://arxiv.org', 'strata://app', 'strata://app@', 'javascript:', 'https://x:y@github.com/', ''])}${word()}`;
      for (const name of ['will-navigate', 'will-redirect', 'will-frame-navigate'])
        expect(contents.isPrevented(name, { url: address }) || new URL(address).host === 'app', `${text}, ${address}`).toBe(true);
      expect(contents.windowOpenHandler!({ url: address }).action, text).toBe('deny');
      let saved: string | null = null;
      const item = {
        getURLChain: () => pick(fuzz, [[], [address], ['blob:strata://app/1'], ['blob:strata://app/1', address]]),
        getFilename: () => word(),
        setSaveDialogOptions: ({ defaultPath }: { defaultPath: string }) => (saved = defaultPath),
      };
      electron.session.emit('will-download', { preventDefault: () => undefined }, item);
      if (saved !== null) expect(join(fuzz.where.downloads, basename(saved)), text).toBe(saved);
    });
  });

  it('the pages’ scheme gives out nothing but the pages', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
    const handler = fuzz.host.electron.called('protocol.handle')[0]![1] as (request: Request) => Promise<Response>;
    const steps = [
      '..',
      '%2e%2e',
      '%2E.',
      '..%2f',
      '..%5c',
      '.',
      'pages.html',
      'outside',
      'secret.json',
      'index.html',
      '%00',
      '%',
      '\\..\\',
      '%c0%ae',
    ];
    const counts = { page: 0, none: 0 };
    await cases(fuzz, async (text) => {
      const path = Array.from({ length: 1 + Math.floor(fuzz.random() * 6) }, () => pick(fuzz, steps)).join(pick(fuzz, ['/', '//', '%2f']));
      const method = pick(fuzz, ['GET', 'GET', 'GET', 'POST', 'HEAD']);
      const response = await handler(new Request(`strata://${pick(fuzz, ['app', 'app', 'app', 'other', 'app:80'])}/${path}`, { method }));
      expect(await response.text(), `${text}, ${path}`).not.toContain(SECRET);
      expect(response.headers.get('content-security-policy'), text).toMatch(/^default-src 'none'/);
      counts[response.status === 200 ? 'page' : 'none']++;
    });
    expect(Math.min(counts.page, counts.none)).toBeGreaterThan(FUZZ_CASES / 20);
  });
});

it('the program starts with whatever is in the person’s files', { timeout: DESKTOP_FUZZ_TIMEOUT_MS }, async () => {
  const whole = {
    'settings.json': JSON.stringify({
      zoom: 1.5,
      closing: 'ask',
      language: 'de',
      updates: { check: false, address: 'https://example.org' },
    }),
    'window.json': JSON.stringify({ x: 1, y: 2, width: 900, height: 700, isMaximized: true, isFullScreen: false }),
  };
  for (let seed = FUZZ_SEED; seed < FUZZ_SEED + Math.ceil(FUZZ_CASES / 10); seed++) {
    fuzz.random = randomStream(seed);
    fuzz.host.end();
    for (const [name, text] of Object.entries(whole)) writeFileSync(join(fuzz.where.settings, name), mutateJson(text, seed));
    await startHost(fuzz, [
      'strata',
      '--home=/x',
      pick(fuzz, [`${LINK_SCHEME}://run/a-1`, `${LINK_SCHEME}://run/../../x`, 'x.strata-pack']),
    ]);
    const { options } = fuzz.host.electron.windows[0]!;
    for (const name of ['width', 'height']) expect(options[name], `seed ${seed}`).toSatisfy((size: number) => size > 0 && size <= 1920);
    expectAnswer(fuzz, CHANNELS.settings, await fuzz.host.invoke(CHANNELS.settings, senderFrame()), `seed ${seed}`);
    fuzz.host.granted.delete(resolve('x.strata-pack')); // after a question
    expectUnharmed(fuzz, `seed ${seed}`);
  }
});
