import { expect, test } from 'vitest';
import { createHostCapabilities } from '../../main/electron/preload-api.ts';

function preload(answer: unknown = []): {
  host: ReturnType<typeof createHostCapabilities>;
  sent: unknown[][];
  posted: unknown[][];
  receivePorts(ports: string[]): void;
  tell(event: unknown): void;
} {
  const sent: unknown[][] = [];
  const posted: unknown[][] = [];
  let listener: (ports: readonly string[]) => void = () => undefined;
  let tell: (event: unknown) => void = () => undefined;
  const host = createHostCapabilities<string>({
    send: (...message) => sent.push(message),
    invoke: (...message) => {
      sent.push(message);
      return Promise.resolve(answer);
    },
    onPorts: (channel, listen) => {
      expect(channel).toBe('strata:port');
      listener = listen;
    },
    onValue: (channel, listen) => {
      expect(channel).toBe('strata:event');
      tell = listen;
    },
    pathForFile: (file) => (file.name === 'made-up.txt' ? '' : `/home/me/${file.name}`),
    postToPage: (...message) => posted.push(message),
  });
  return { host, sent, posted, receivePorts: (ports) => listener(ports), tell: (event) => tell(event) };
}

test('the page sees these few names and nothing of Electron', () => {
  expect(Object.keys(preload().host).sort()).toEqual([
    'checkForUpdate',
    'filesToPaths',
    'kind',
    'notify',
    'onEvent',
    'openWorkspace',
    'pickPaths',
    'pickSavePath',
    'recentWorkspaces',
    'requestPort',
    'settings',
    'showLogs',
    'showProgress',
  ]);
});

test('a port is asked for and passed on', () => {
  const { host, sent, posted, receivePorts } = preload();
  host.requestPort();
  receivePorts(['port']);
  expect(sent).toEqual([['strata:connect']]);
  expect(posted).toEqual([['strata:port', ['port']]]);
});

test('dropped files become paths, which main hears of first; files without one, which a page can make, are left out', async () => {
  const files = [new File(['a'], 'a.txt'), new File(['b'], 'made-up.txt')];
  const { host, sent } = preload();
  expect(await host.filesToPaths(files)).toEqual(['/home/me/a.txt']);
  expect(sent).toEqual([['strata:dropped-paths', ['/home/me/a.txt']]]);
});

test('only the two kinds of dialog can be asked for, and only paths come back', async () => {
  const { host, sent } = preload(['/a', 5]);
  expect(await host.pickPaths!('folder')).toEqual(['/a']);
  await host.pickPaths!('anything' as never);
  expect(sent).toEqual([
    ['strata:pick-paths', 'folder'],
    ['strata:pick-paths', 'files'],
  ]);
  expect(await preload('nonsense').host.pickPaths!('files')).toEqual([]);
});

test('events come without anything of Electron, once somebody listens and until they leave off', () => {
  const { host, sent, tell } = preload();
  const heard: unknown[] = [];
  const leave = host.onEvent((event) => heard.push(event));
  tell({ type: 'page', page: 'runs' });
  leave();
  tell({ type: 'page', page: 'home' });
  expect({ sent, heard }).toEqual({ sent: [['strata:listen']], heard: [{ type: 'page', page: 'runs' }] });
});
