// Tells what arrives on a stream by its first bytes (K-11), as Docker does: a tar archive, plain or
// compressed, or else a Dockerfile; and undoes the compression.
import { spawn } from 'node:child_process';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type CompressionName, compressionOf } from '../core/compression-magic.ts';
import { errnoOf, TsbuildError } from '../core/errors.ts';

export type StreamKind = 'tar' | CompressionName | 'text';
export type Bytes = AsyncIterable<Uint8Array>;

/** One tar header. */
const HEAD = 512;

export const sniffStream = (head: Uint8Array): StreamKind => compressionOf(head) ?? (isTarHeader(head) ? 'tar' : 'text');

/** A header's checksum is the sum of its bytes with the checksum field taken as blanks; signed in some old archives. */
function isTarHeader(head: Uint8Array): boolean {
  if (head.length < HEAD || head[0] === 0) return false;
  const field = Buffer.from(head.subarray(148, 156)).toString('latin1');
  const expected = /^[ \0]*([0-7]+)[ \0]*$/.exec(field)?.[1];
  if (expected === undefined) return false;
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < HEAD; at += 1) {
    const byte = at >= 148 && at < 156 ? 0x20 : (head[at] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const sum = Number.parseInt(expected, 8);
  return sum === unsigned || sum === signed;
}

/** Looks at the start of `source`; `bytes` still yields everything. */
export async function peekStream(source: Bytes): Promise<{ kind: StreamKind; bytes: Bytes }> {
  const iterator = source[Symbol.asyncIterator]();
  const taken: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    taken.push(value);
    length += value.length;
  }
  const kind = sniffStream(Buffer.concat(taken).subarray(0, HEAD));
  return { kind, bytes: rejoin(taken, iterator) };
}

async function* rejoin(taken: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* taken;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}

/** The tar inside. Throws context/bad-archive for damaged data and context/no-decompressor. */
export async function* decompress(kind: Exclude<StreamKind, 'text'>, bytes: Bytes): AsyncGenerator<Uint8Array> {
  if (kind === 'tar') yield* bytes;
  else if (kind === 'bzip2' || kind === 'xz') yield* throughProgram(kind, bytes);
  else yield* throughZlib(kind, bytes);
}

async function* throughZlib(kind: 'gzip' | 'zstd', bytes: Bytes): AsyncGenerator<Uint8Array> {
  const codec = kind === 'gzip' ? createGunzip() : createZstdDecompress();
  // The callback only keeps the error from being unhandled: iterating throws it, too.
  pipeline(Readable.from(bytes, { objectMode: false }), codec, () => {});
  try {
    for await (const chunk of codec) yield chunk as Buffer;
  } catch (error) {
    if (/^(?:Z_|ZSTD_)/.test(errnoOf(error) ?? '')) throw damaged(kind, error);
    throw error;
  } finally {
    codec.destroy();
  }
}

/** Node has no bzip2 and no xz; the programs of these names do, and are on every machine that made such an archive. */
async function* throughProgram(kind: 'bzip2' | 'xz', bytes: Bytes): AsyncGenerator<Uint8Array> {
  const child = spawn(kind, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' } });
  const ended = new Promise<number | Error>((resolve) => {
    child.on('error', resolve);
    child.on('close', (code) => resolve(code ?? -1));
  });
  pipeline(Readable.from(bytes, { objectMode: false }), child.stdin, () => {});
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const end = await ended;
    if (end instanceof Error) throw missingProgram(kind, end);
    if (end !== 0) throw damaged(kind, undefined);
  } finally {
    child.kill('SIGKILL');
  }
}

const damaged = (kind: string, cause: unknown): TsbuildError =>
  new TsbuildError({
    code: 'context/bad-archive',
    message: `the ${kind} data of the build context is damaged or ends too early`,
    hint: 'Make the archive again.',
    cause,
  });

const missingProgram = (kind: string, cause: unknown): TsbuildError =>
  new TsbuildError({
    code: 'context/no-decompressor',
    message: `the build context is compressed with ${kind}, and the program "${kind}" cannot be started`,
    hint: `Install ${kind}, or send the archive plain or compressed with gzip or zstd.`,
    cause,
  });
