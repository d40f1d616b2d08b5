import { stderr } from 'node:process';

/**
 * How the set-up talks to a person: on stderr only, so that a command's stdout stays pure JSON.
 * @typedef {{
 *   start(title: string): void,
 *   progress(text: string): void,
 *   done(text: string): void,
 *   alreadyDone(text: string): void,
 *   note(lines: string[]): void,
 * }} Report
 */

/** Without a terminal a progress line is repeated at most this often, so that logs stay short. */
const LOG_INTERVAL_MS = 10_000;

/**
 * @param {{ quiet?: boolean, stream?: { write(text: string): unknown, isTTY?: boolean, columns?: number } }} [options]
 *   `quiet` keeps silent about steps that were done before; work that takes time is always announced.
 * @returns {Report}
 */
export function createReport({ quiet = false, stream = stderr } = {}) {
  let lastProgressAt = 0;
  let isLineOpen = false;
  const closeLine = () => {
    if (isLineOpen) stream.write('\r\u001b[K');
    isLineOpen = false;
  };
  const line = (/** @type {string} */ text) => {
    closeLine();
    stream.write(`${text}\n`);
  };
  return {
    start(title) {
      line(`- ${title}`);
      lastProgressAt = Date.now();
    },
    progress(text) {
      const now = Date.now();
      if (now - lastProgressAt < (stream.isTTY ? 100 : LOG_INTERVAL_MS)) return;
      lastProgressAt = now;
      if (!stream.isTTY) return line(`  ${text}`);
      stream.write(`\r\u001b[K  ${text}`.slice(0, (stream.columns ?? 80) + 3));
      isLineOpen = true;
    },
    done(text) {
      line(`  ${text}`);
    },
    alreadyDone(text) {
      if (!quiet) line(`- ${text}`);
    },
    note(lines) {
      for (const [index, text] of lines.entries()) line(`${index === 0 ? '! ' : '  '}${text}`);
    },
  };
}

/** @param {number} sizeBytes @returns {string} in decimal megabytes, as package indexes show sizes */
export function megabytes(sizeBytes) {
  return `${Math.round(sizeBytes / 1_000_000)} MB`;
}

/** @param {number} startedAt milliseconds, of Date.now() @returns {string} */
export function secondsSince(startedAt) {
  return `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
}

/** A step that cannot go on: what is missing, and what the person can do about it. */
export class SetupProblem extends Error {
  /** @param {string} message @param {string[]} advice one line each */
  constructor(message, advice) {
    super(message);
    this.name = 'SetupProblem';
    this.advice = advice;
  }
}
