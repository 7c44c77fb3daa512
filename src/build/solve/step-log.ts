// The log of one step: its end in memory for the failure report, and all of it on disk once it is
// long or the step failed. Memory is bounded whatever the step prints.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LOGS_DIR } from '../../cache/store-layout.ts';

const TAIL_BYTES = 64 * 1024;

interface Spool {
  readonly path: string;
  readonly descriptor: number;
}

export class StepLog {
  readonly #directory: string;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** File that holds what no longer fits in memory; 'refused' once the disk did not take it. */
  #spool: Spool | 'refused' | null = null;

  constructor(root: string) {
    this.#directory = join(root, LOGS_DIR);
  }

  /** Never fails: a step does not end because its log cannot be kept. */
  push(data: Uint8Array): void {
    this.#chunks.push(data);
    this.#size += data.length;
    if (this.#spool !== null) this.#spill([data]);
    if (this.#size <= 2 * TAIL_BYTES) return;
    if (this.#spool === null) this.#spill(this.#chunks);
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
    if (this.#spool === null) this.#spill(this.#chunks);
    if (this.#spool === null || this.#spool === 'refused') return null;
    const path = join(this.#directory, `${name.replace(/[^\w.-]+/g, '_').slice(0, 80)}.log`);
    const { path: spooled, descriptor } = this.#spool;
    try {
      closeSync(descriptor);
      renameSync(spooled, path);
      this.#spool = null;
      return path;
    } catch {
      // The failure itself matters more than its log.
      return null;
    }
  }

  /** The step did not fail: no file is kept. */
  drop(): void {
    if (this.#spool !== null && this.#spool !== 'refused') remove(this.#spool);
    this.#spool = 'refused';
  }

  #spill(chunks: readonly Uint8Array[]): void {
    if (this.#spool === 'refused') return;
    try {
      this.#spool ??= this.#open();
      for (const chunk of chunks) writeSync(this.#spool.descriptor, chunk);
    } catch {
      if (this.#spool !== null) remove(this.#spool);
      this.#spool = 'refused';
    }
  }

  #open(): Spool {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `.${process.pid}-${Math.floor(performance.now() * 1000)}.part`);
    return { path, descriptor: openSync(path, 'wx', 0o600) };
  }
}

function remove({ path, descriptor }: Spool): void {
  closeSync(descriptor);
  rmSync(path, { force: true });
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
