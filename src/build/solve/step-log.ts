// The log of one step: its end in memory for the failure report, and all of it on disk once it is
// long or the step failed. Memory is bounded whatever the step prints.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LOGS_DIR } from '../../cache/fs-blob-store.ts';

const TAIL_BYTES = 64 * 1024;

export class StepLog {
  readonly #directory: string;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** File that holds what no longer fits in memory. */
  #spool: { readonly path: string; readonly descriptor: number } | null = null;

  constructor(root: string) {
    this.#directory = join(root, LOGS_DIR);
  }

  push(data: Uint8Array): void {
    this.#chunks.push(data);
    this.#size += data.length;
    if (this.#spool !== null) writeSync(this.#spool.descriptor, data);
    if (this.#size <= 2 * TAIL_BYTES) return;
    this.#spool ??= this.#openSpool();
    const kept = Buffer.concat(this.#chunks).subarray(-TAIL_BYTES);
    this.#chunks = [Buffer.from(kept)];
    this.#size = kept.length;
  }

  /** Last lines, oldest first, without control sequences. */
  lines(count: number): readonly string[] {
    const text = Buffer.concat(this.#chunks).toString('utf8').trimEnd();
    if (text === '') return [];
    return text.split('\n').slice(-count).map(cleanLine);
  }

  /** Keeps the whole log as `<root>/logs-v1/<name>.log` and returns its path; null when the step printed nothing or the disk refuses. */
  keep(name: string): string | null {
    if (this.#size === 0) return null;
    const path = join(this.#directory, `${name.replace(/[^\w.-]+/g, '_').slice(0, 80)}.log`);
    try {
      const spool = this.#spool ?? this.#openSpool();
      closeSync(spool.descriptor);
      renameSync(spool.path, path);
      this.#spool = null;
      return path;
    } catch {
      // The failure itself matters more than its log.
      return null;
    }
  }

  /** The step did not fail: nothing is kept. */
  drop(): void {
    if (this.#spool === null) return;
    closeSync(this.#spool.descriptor);
    rmSync(this.#spool.path, { force: true });
    this.#spool = null;
  }

  #openSpool(): { readonly path: string; readonly descriptor: number } {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `.${process.pid}-${Math.floor(performance.now() * 1000)}.part`);
    const descriptor = openSync(path, 'wx', 0o600);
    for (const chunk of this.#chunks) writeSync(descriptor, chunk);
    return { path, descriptor };
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this removes
const CONTROL = /\x1b\[[0-9;?]*[A-Za-z]|\x1b[^[]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** What a terminal would show of the line: the last rewrite after carriage returns. */
const cleanLine = (line: string): string =>
  (
    line
      .split('\r')
      .filter((part) => part !== '')
      .at(-1) ?? ''
  ).replace(CONTROL, '');
