// Content of one regular file on its way from a layer to disk.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { FileEntry } from '../../../core/file-entry.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import { unpackError } from './unpack-error.ts';

/** The name must be free: nothing planted there is opened or followed. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class FileSink {
  readonly #fd: number;
  readonly #path: string;
  readonly #describe: (fd: number) => void;

  constructor(host: string, entry: FileEntry, describe: (fd: number) => void) {
    this.#fd = openSync(fsPath(host), CREATE, 0o600);
    this.#path = entry.path;
    this.#describe = describe;
  }

  write(chunk: Uint8Array): void {
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      throw unpackError(error, this.#path);
    }
  }

  /** Sets metadata and closes; `complete` false only closes. */
  close(complete: boolean): void {
    try {
      if (complete) this.#describe(this.#fd);
    } catch (error) {
      throw unpackError(error, this.#path);
    } finally {
      closeSync(this.#fd);
    }
  }
}
