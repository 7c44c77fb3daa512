// Writes a tar of whole blobs to a stream, one at a time and with back-pressure. Header fields are
// those of containerd's exporter: owner 0:0, time 0, blobs read-only.
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

export type ArchiveMember =
  | { readonly type: 'directory'; readonly name: string }
  | { readonly type: 'bytes'; readonly name: string; readonly mode: number; readonly bytes: Buffer }
  | { readonly type: 'stream'; readonly name: string; readonly mode: number; readonly size: number; open(): Readable };

/** Ends `out`. On any failure `out` is destroyed and the error is thrown. */
export async function writeArchive(members: readonly ArchiveMember[], out: Writable, signal?: AbortSignal): Promise<void> {
  const tar = pack();
  const piped = pipeline(tar, out, signal === undefined ? {} : { signal });
  const filled = fill(tar, members).catch((error: Error) => {
    tar.destroy(error);
    throw error;
  });
  // The pipeline's error is the better one when the reader went away; that of `fill` when a blob is damaged.
  const [fillResult, pipeResult] = await Promise.allSettled([filled, piped]);
  if (fillResult.status === 'rejected' && !isClosed(fillResult.reason)) throw fillResult.reason;
  if (pipeResult.status === 'rejected') throw pipeResult.reason;
  if (fillResult.status === 'rejected') throw fillResult.reason;
}

const isClosed = (error: unknown): boolean => error instanceof PackClosed;
class PackClosed extends Error {}

async function fill(tar: Pack, members: readonly ArchiveMember[]): Promise<void> {
  for (const member of members) {
    if (member.type === 'directory') addSmall(tar, { name: `${member.name}/`, type: 'directory', mode: 0o755 });
    else if (member.type === 'bytes') addSmall(tar, { name: member.name, mode: member.mode }, member.bytes);
    else await addStream(tar, member);
  }
  tar.finalize();
}

const COMMON = { uid: 0, gid: 0, mtime: new Date(0) };

function addSmall(tar: Pack, header: { name: string; mode: number; type?: 'directory' }, bytes?: Buffer): void {
  if (bytes === undefined) tar.entry({ ...COMMON, ...header });
  else tar.entry({ ...COMMON, ...header }, bytes);
}

async function addStream(tar: Pack, member: ArchiveMember & { readonly type: 'stream' }): Promise<void> {
  const entry = tar.entry({ ...COMMON, name: member.name, mode: member.mode, size: member.size });
  let closed = false;
  let wake: () => void = () => undefined;
  entry.on('drain', () => wake());
  const ended = new Promise<void>((resolve, reject) => {
    entry.on('finish', resolve);
    entry.on('error', reject);
    entry.on('close', () => {
      closed = true;
      wake();
      reject(new PackClosed());
    });
  });
  ended.catch(() => undefined);
  for await (const chunk of member.open()) {
    if (closed) throw new PackClosed();
    if (!entry.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (closed) resolve();
      });
    }
  }
  entry.end(null);
  await ended;
}
