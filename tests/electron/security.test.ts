import { describe, expect, test } from 'vitest';
import { confineContents, denyPermissions, isAllowedExternal, isTrustedSender } from '../../main/electron/security.ts';
import { ElectronStandIn } from './harness/electron-stand-in.ts';
import { ContentsStandIn, senderFrame } from './harness/stand-in-objects.ts';

describe('permissions', () => {
  test('every request and every check is denied', () => {
    const electron = new ElectronStandIn();
    denyPermissions(electron.parts.session.defaultSession);
    const handlers = electron.sessionHandlers as Record<string, (...values: unknown[]) => unknown>;
    const decisions: unknown[] = [];
    handlers.setPermissionRequestHandler!(null, 'media', (granted: boolean) => decisions.push(granted));
    decisions.push(
      handlers.setPermissionCheckHandler!(null, 'clipboard-read'),
      handlers.setDevicePermissionHandler!({ deviceType: 'usb' }),
    );
    expect(decisions).toEqual([false, false, false]);
  });
});

describe('navigation', () => {
  const confined = (): { contents: ContentsStandIn; opened: string[] } => {
    const contents = new ContentsStandIn();
    const opened: string[] = [];
    confineContents(contents as never, (url) => opened.push(url));
    return { contents, opened };
  };

  test.each(['will-navigate', 'will-redirect', 'will-frame-navigate'])('%s stays in the studio', (name) => {
    const { contents } = confined();
    expect(contents.isPrevented(name, { url: 'strata://app/runs/1' })).toBe(false);
    for (const url of ['https://example.org/', 'file:///etc/passwd', 'strata://other/', 'javascript:alert(1)', 'nonsense']) {
      expect([url, contents.isPrevented(name, { url })]).toEqual([url, true]);
    }
  });

  test('embedded views are refused', () => {
    expect(confined().contents.isPrevented('will-attach-webview')).toBe(true);
  });

  test('no window ever opens; a known site opens in the browser of the user', () => {
    const { contents, opened } = confined();
    for (const url of ['https://arxiv.org/abs/2401.02415', 'https://example.org/', 'file:///etc/passwd', 'strata://app/']) {
      expect(contents.windowOpenHandler!({ url })).toEqual({ action: 'deny' });
    }
    expect(opened).toEqual(['https://arxiv.org/abs/2401.02415']);
  });

  test.each([
    'http://arxiv.org/',
    'https://arxiv.org.example.org/',
    'https://arxiv.org@example.org/',
    'https://me:secret@arxiv.org/',
    'https://arxiv.org:8443/',
    'https://sub.arxiv.org/',
    'not a url',
  ])('%s is no known site', (url) => {
    expect(isAllowedExternal(url)).toBe(false);
  });
});

test('a sender is trusted as the top frame of our own page only', () => {
  expect(isTrustedSender(senderFrame() as never)).toBe(true);
  expect(isTrustedSender(senderFrame('strata://app/', {}) as never)).toBe(false);
  expect(isTrustedSender(senderFrame('strata://other/') as never)).toBe(false);
  expect(isTrustedSender(null)).toBe(false);
});
