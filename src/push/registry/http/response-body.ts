// Reading answers without trusting their length.
import type { Readable } from 'node:stream';
import { TsbuildError } from '../../../core/errors.ts';

/** Whole body; more than `limit` bytes is the error 'registry/too-large'. */
export async function readBounded(body: Readable, limit: number, what: string): Promise<Buffer> {
  const { bytes, complete } = await readAtMost(body, limit);
  if (complete) return bytes;
  throw new TsbuildError({ code: 'registry/too-large', message: `${what} is larger than ${limit} bytes` });
}

/** The first `limit` bytes; the rest is cut off and its connection closed. */
export async function readAtMost(body: Readable, limit: number): Promise<{ readonly bytes: Buffer; readonly complete: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the stream.
    if (size > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), complete: false };
  }
  return { bytes: Buffer.concat(chunks), complete: true };
}

/** Frees the connection for the next request; a body longer than an error message is not waited for. */
export async function discardBody(body: Readable): Promise<void> {
  try {
    await readAtMost(body, 64 * 1024);
  } catch {
    // The connection is gone either way; nobody needs these bytes.
  }
}
