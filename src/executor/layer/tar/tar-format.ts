// The facts of the tar format that writer and reader share: block size, field positions, type
// flags, checksum. POSIX.1-2017 pax, "ustar Interchange Format".
import { TsbuildError } from '../../../core/errors.ts';

export const BLOCK = 512;

/** [offset, length] of each header field. */
export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  userName: [265, 32],
  groupName: [297, 32],
  devMajor: [329, 8],
  devMinor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

export const TYPE = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  dir: 0x35,
  fifo: 0x36,
  contiguous: 0x37,
  paxLocal: 0x78,
  paxGlobal: 0x67,
  gnuLongName: 0x4c,
  gnuLongLink: 0x4b,
  gnuSparse: 0x53,
  old: 0,
} as const;

/** Prefix of a PAX record that carries an extended attribute. */
export const PAX_XATTR = 'SCHILY.xattr.';

export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_NAME = '.wh..wh..opq';

/** Zero bytes that follow `size` bytes of content. */
export const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

/** Sum of the header's bytes with the checksum field read as blanks; `signed` as some old writers did it. */
export function headerChecksum(header: Uint8Array, at: number, signed = false): number {
  const [start, length] = FIELD.checksum;
  let sum = length * 0x20;
  for (let i = 0; i < BLOCK; i++) {
    if (i === start) i += length;
    const byte = header[at + i] ?? 0;
    sum += signed && byte > 127 ? byte - 256 : byte;
  }
  return sum;
}

export function badLayer(detail: string, data?: Readonly<Record<string, unknown>>): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-malformed',
    message: `malformed layer tar: ${detail}`,
    hint: 'the image or archive is damaged or was made by a broken tool; pull or build it again',
    ...(data === undefined ? {} : { data }),
  });
}
