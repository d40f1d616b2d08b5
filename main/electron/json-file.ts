import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ZodType } from 'zod';

/**
 * A small JSON file in the person's own folder. It is written whole or not at all; one that cannot be understood is set aside under another
 * name and told, and the program goes on with what it does without one.
 */
export class JsonFile<Value> {
  readonly #path: string;
  readonly #schema: ZodType<Value>;
  readonly #log: (message: string) => void;

  constructor(path: string, schema: ZodType<Value>, log: (message: string) => void) {
    this.#path = path;
    this.#schema = schema;
    this.#log = log;
  }

  /** What is in the file, or null where there is none or it was of no use. */
  read(): Value | null {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#log(`${this.#path} cannot be read: ${String(error)}`);
      return null;
    }
    try {
      return this.#schema.parse(JSON.parse(text));
    } catch (error) {
      this.#setAside(error instanceof SyntaxError ? error.message : 'its values are not those of this program');
      return null;
    }
  }

  /** Replaces the file. A folder that cannot be written is told and costs nothing else. */
  write(value: Value): void {
    const partial = `${this.#path}.partial`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      const file = openSync(partial, 'w');
      try {
        writeFileSync(file, JSON.stringify(value, null, 2) + '\n');
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(partial, this.#path);
    } catch (error) {
      this.#log(`${this.#path} cannot be written: ${String(error)}`);
    }
  }

  #setAside(reason: string): void {
    const aside = `${this.#path}.broken`;
    try {
      renameSync(this.#path, aside);
      this.#log(`${this.#path} cannot be understood (${reason}); it was set aside as ${aside}.`);
    } catch (error) {
      this.#log(`${this.#path} cannot be understood (${reason}), nor set aside: ${String(error)}`);
    }
  }
}
