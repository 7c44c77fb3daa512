// Unpacks a layer blob into a snapshot directory. Runs as root of the executor's namespace. One pass:
// verify, write, and make the table of contents; a layer that fails in any way leaves no directory.
import { mkdirSync, rmSync } from 'node:fs';
import type { DiffId } from '../../../core/digest.ts';
import { InvariantError } from '../../../core/errors.ts';
import type { LayerToc } from '../../../core/file-entry.ts';
import type { FileCalls } from '../../syscalls.ts';
import type { DecompressLimits } from '../compression/decompress.ts';
import type { LowerEntry, LowerStack } from '../lower-stack.ts';
import type { OverlayXattrs } from '../overlay-form.ts';
import { type EntryVisitor, readLayer } from '../toc.ts';
import type { FileSink } from './file-sink.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

export interface ApplyOptions {
  readonly mediaType?: string;
  /** The promised identity; on another one nothing is kept ('exec/layer-diffid'). */
  readonly diffId?: DiffId;
  /** The layers below; a promise while they are being unpacked themselves. */
  readonly lower: LowerStack | Promise<LowerStack>;
  readonly calls: FileCalls;
  readonly xattrs: OverlayXattrs;
  readonly owners?: 'set' | 'record';
  readonly limits?: Partial<DecompressLimits>;
}

export interface ApplyResult {
  readonly diffId: DiffId;
  readonly toc: LayerToc;
  /** Bytes on disk. */
  readonly size: number;
  /** Device nodes that this user may not make; the layer itself keeps them. */
  readonly skippedDevices: readonly string[];
}

/** `directory` must not exist or be empty; its parent must exist. */
export async function applyLayer(blob: AsyncIterable<Uint8Array>, directory: string, options: ApplyOptions): Promise<ApplyResult> {
  mkdirSync(directory, { recursive: true });
  const { calls, xattrs, owners = 'set' } = options;
  const lower = new AwaitedStack(options.lower);
  const writer = new SnapshotWriter({ directory, lower, calls, xattrs, owners });
  let open: FileSink | undefined;
  const read = {
    ...(options.mediaType === undefined ? {} : { mediaType: options.mediaType }),
    ...(options.diffId === undefined ? {} : { diffId: options.diffId }),
    ...(options.limits === undefined ? {} : { decompress: options.limits }),
  };
  try {
    const onEntry: EntryVisitor = (entry) => {
      const file = writer.add(entry);
      if (file === undefined) return undefined;
      open = file;
      return {
        write: (chunk) => file.write(chunk),
        end: () => {
          open = undefined;
          file.close(true);
        },
      };
    };
    const { diffId, toc } = await readLayer(blob, read, onEntry, (entry) => (writer.needsLower(entry) ? lower.ready() : undefined));
    await lower.ready();
    writer.finish();
    return { diffId, toc, size: writer.size, skippedDevices: writer.skippedDevices };
  } catch (error) {
    open?.close(false);
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Layers are unpacked side by side: most of a layer can be written before those below it are there. */
class AwaitedStack {
  #stack: LowerStack | null = null;
  readonly #pending: Promise<void>;

  constructor(stack: LowerStack | Promise<LowerStack>) {
    if (!(stack instanceof Promise)) this.#stack = stack;
    this.#pending = Promise.resolve(stack).then((ready) => {
      this.#stack = ready;
    });
    // Whoever waits sees the failure.
    this.#pending.catch(() => undefined);
  }

  /** Undefined when there is nothing to wait for. */
  ready(): Promise<void> | undefined {
    return this.#stack === null ? this.#pending : undefined;
  }

  lookup(path: string): LowerEntry | null {
    if (this.#stack === null) throw new InvariantError('the layers below are not there yet');
    return this.#stack.lookup(path);
  }
}
