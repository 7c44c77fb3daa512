// A layer tar with no time after a date: what `rewrite-timestamp` asks for (E-06). The layer is one that
// this program wrote, so that writing its entries again changes nothing else.
import { paddingOf } from './tar/tar-format.ts';
import { readTar } from './tar/tar-read.ts';
import { END_OF_TAR, encodeHeader } from './tar/tar-write.ts';

/** `notAfter` in seconds since 1970. Errors are those of `readTar`. */
export async function* clampTimes(tar: AsyncIterable<Uint8Array>, notAfter: number): AsyncGenerator<Uint8Array> {
  for await (const { entry, content } of readTar(tar)) {
    yield encodeHeader({ ...entry, mtime: Math.min(entry.mtime, notAfter) });
    yield* content;
    if (entry.type === 'file') yield END_OF_TAR.subarray(0, paddingOf(entry.size));
  }
  yield END_OF_TAR;
}
