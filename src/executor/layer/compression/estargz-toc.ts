// What an eStargz layer says of itself: its table of contents as JSON, and the footer that leads to it.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
import { type Digest, hasher } from '../../../core/digest.ts';

export const TOC_NAME = 'stargz.index.json';
/** Says that no file is worth fetching ahead of its use. */
export const NO_PREFETCH_LANDMARK = '.no.prefetch.landmark';
export const PREFETCH_LANDMARK = '.prefetch.landmark';
export const LANDMARK_CONTENT: Buffer = Buffer.from([0xf]);

export const TOC_DIGEST_ANNOTATION = 'containerd.io/snapshot/stargz/toc.digest';
/** Bytes of the tar, which Podman's stores want to know before they have it. */
export const UNCOMPRESSED_SIZE_ANNOTATION = 'io.containers.estargz.uncompressed-size';

/** One line of the TOC. Of later chunks only name, type, offsets and digest. */
export interface TocRow {
  readonly name: string;
  readonly type: 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'chunk';
  readonly size?: number;
  /** RFC 3339; absent for the epoch itself. */
  readonly modtime?: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly userName?: string;
  readonly groupName?: string;
  /** Where in the blob the gzip member of this chunk begins; known once what is before it is compressed. */
  offset?: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  digest?: string;
  chunkOffset?: number;
  /** Absent for the last chunk of a file: up to its end. */
  chunkSize?: number;
  chunkDigest?: string;
}

export interface EncodedToc {
  readonly digest: Digest;
  readonly size: number;
  /** A few hundred kilobytes each. */
  readonly pieces: readonly Buffer[];
}

const ROWS_IN_PIECE = 1000;

export function encodeToc(rows: readonly TocRow[]): EncodedToc {
  const hash = hasher();
  const pieces: Buffer[] = [];
  let size = 0;
  const add = (text: string): void => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    size += bytes.length;
    pieces.push(bytes);
  };
  add('{"version":1,"entries":[\n');
  for (let at = 0; at < rows.length; at += ROWS_IN_PIECE) {
    const part = rows.slice(at, at + ROWS_IN_PIECE).map(rowJson);
    add(`${at === 0 ? '' : ',\n'}${part.join(',\n')}`);
  }
  add('\n]}\n');
  return { digest: hash.digest(), size, pieces };
}

/** Members in one order: offsets and digests arrive when they arrive. */
function rowJson({ offset, devMajor, devMinor, xattrs, digest, chunkOffset, chunkSize, chunkDigest, ...known }: TocRow): string {
  return JSON.stringify({ ...known, offset, devMajor, devMinor, xattrs, digest, chunkOffset, chunkSize, chunkDigest });
}

const FOOTER_HEADER = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff];
/** A final stored block of no bytes. */
const EMPTY_BLOCK = [1, 0, 0, 0xff, 0xff];

/** The last 51 bytes: an empty gzip member whose extra field holds the TOC's position. */
export function encodeFooter(tocOffset: number): Buffer {
  const subfield = `${tocOffset.toString(16).padStart(16, '0')}STARGZ`;
  return Buffer.concat([
    Buffer.from([...FOOTER_HEADER, subfield.length + 4, 0, 0x53, 0x47, subfield.length, 0]),
    Buffer.from(subfield, 'latin1'),
    Buffer.from([...EMPTY_BLOCK, 0, 0, 0, 0, 0, 0, 0, 0]),
  ]);
}
