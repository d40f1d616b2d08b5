import type { WebContents } from 'electron';
import type { HostEvent } from '../../shared/contract/host.ts';
import { CHANNELS } from './channels.ts';

/** A page that is being loaded, or is loaded again, still gets what was asked for meanwhile; but nobody waits for a hundred things. */
const MOST_WAITING = 20;

/** Events for the page: they wait until it listens. */
export class PageEvents {
  #page: Pick<WebContents, 'send'> | null = null;
  readonly #waiting: HostEvent[] = [];

  send(event: HostEvent): void {
    if (this.#page) return this.#page.send(CHANNELS.event, event);
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(event);
  }

  /** The page listens now. */
  listen(page: Pick<WebContents, 'send'>): void {
    this.#page = page;
    for (const event of this.#waiting.splice(0)) page.send(CHANNELS.event, event);
  }

  /** The page is gone, or about to be loaded again. */
  lose(): void {
    this.#page = null;
  }
}
