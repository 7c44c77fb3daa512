// File names are bytes. Inside tsbuild a path is a JS string; bytes that are not UTF-8 become lone
// surrogates U+DC80..U+DCFF (Python's "surrogateescape"), so every name survives a round trip.

const ESCAPED = /[\udc80-\udcff]/;

/** Bytes → string; exact inverse of `pathToBytes`. */
export function pathFromBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  let out = '';
  let at = 0;
  while (at < buffer.length) {
    const length = sequenceLength(buffer, at);
    if (length === 0) {
      out += String.fromCharCode(0xdc00 + (buffer[at] ?? 0));
      at += 1;
    } else {
      out += buffer.toString('utf8', at, at + length);
      at += length;
    }
  }
  return out;
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(buffer: Buffer, at: number): number {
  const first = buffer[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length === 0 || at + length > buffer.length) return 0;
  const piece = buffer.subarray(at, at + length);
  return Buffer.from(piece.toString('utf8'), 'utf8').equals(piece) ? length : 0;
}

export function pathToBytes(path: string): Buffer {
  if (!ESCAPED.test(path)) return Buffer.from(path, 'utf8');
  const parts: Buffer[] = [];
  let plain = '';
  // Iterating by code point keeps real surrogate pairs together; a lone escape is one code point.
  for (const char of path) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) {
      parts.push(Buffer.from(plain, 'utf8'), Buffer.from([code - 0xdc00]));
      plain = '';
    } else plain += char;
  }
  parts.push(Buffer.from(plain, 'utf8'));
  return Buffer.concat(parts);
}

/** Whether a path carries no escaped bytes. */
export const isPlainPath = (path: string): boolean => !ESCAPED.test(path);

/** What to hand to node:fs: the string itself unless it carries escaped bytes. */
export const fsPath = (path: string): string | Buffer => (isPlainPath(path) ? path : pathToBytes(path));

/** Byte order, as Go and tar tools sort; equal to code-unit order for everything below U+D800. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  return /[\ud800-\uffff]/.test(a) || /[\ud800-\uffff]/.test(b) ? Buffer.compare(pathToBytes(a), pathToBytes(b)) : a < b ? -1 : 1;
}
