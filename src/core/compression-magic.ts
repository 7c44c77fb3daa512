// The first bytes of compressed files, as Docker knows them.

/** Named as the programs that decompress them. */
export type CompressionName = 'gzip' | 'bzip2' | 'xz' | 'zstd';

const MAGIC: Readonly<Record<CompressionName, readonly number[]>> = {
  gzip: [0x1f, 0x8b, 0x08],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};
const NAMES = Object.keys(MAGIC) as readonly CompressionName[];

/** What `head` begins, or null. */
export const compressionOf = (head: Uint8Array): CompressionName | null =>
  NAMES.find((name) => MAGIC[name].every((byte, at) => head[at] === byte)) ?? null;
