import type { DownloadItem, Event, Session } from 'electron';
import { join } from 'node:path';
import { plainName } from './dialogs.ts';
import { APP_SCHEME, APP_HOST } from './protocol.ts';

/**
 * What a page saves (a chart as PNG, a table as CSV) goes where the person says, through the system's dialog; anything else that would be
 * downloaded is refused. Pages make such files themselves: their address is a `blob:` of our own origin.
 */
export function askWhereToSave(session: Pick<Session, 'on'>, downloadsFolder: string, log: (message: string) => void): void {
  session.on('will-download', (event: Pick<Event, 'preventDefault'>, item: DownloadItem) => {
    if (!isOurOwn(item.getURLChain())) {
      event.preventDefault();
      log('a download from elsewhere was refused');
      return;
    }
    item.setSaveDialogOptions({
      defaultPath: join(downloadsFolder, plainName(item.getFilename())),
      properties: ['createDirectory', 'showOverwriteConfirmation'],
    });
  });
}

function isOurOwn(addresses: readonly string[]): boolean {
  return addresses.length > 0 && addresses.every((address) => address.startsWith(`blob:${APP_SCHEME}://${APP_HOST}/`));
}
