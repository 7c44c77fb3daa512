// Streaming reader of layer tars from anywhere: ustar, PAX, GNU long names, base-256 numbers, sparse
// files. Input is hostile: everything is bounded, and every departure from the format is a TsbuildError
// ('exec/layer-malformed', 'exec/layer-truncated'). PAX global headers are checked and otherwise ignored,
// as Docker does.
import type { FileEntry } from '../../../core/file-entry.ts';
import { ByteQueue, truncated } from './byte-queue.ts';
import { decodePax, type PaxRecords } from './pax.ts';
import { TarContent } from './tar-content.ts';
import { BLOCK, badLayer, paddingOf, TYPE } from './tar-format.ts';
import {
  contentSize,
  decodeHeader,
  type Extensions,
  isZeroBlock,
  type RawHeader,
  rawLink,
  rawName,
  refuseForeignKinds,
  toEntry,
} from './tar-header.ts';
import { expandSparse, readSparseMap, type SparseMap } from './tar-sparse.ts';

/** An entry's header as it stands in the archive. */
export interface StoredHeader {
  /** All its blocks: extension headers, and the entry's own as the last 512 bytes. */
  readonly blocks: Buffer;
  /** Names as latin1 text, neither cleaned nor decoded. */
  readonly name: string;
  readonly link: string;
}

export interface TarEntry {
  readonly entry: FileEntry;
  /** With `keepHeaders`; absent for sparse files, whose content is not what is stored. */
  readonly header?: StoredHeader;
  /** Content of a file, once, in chunks valid until the next is asked for; what is left unread is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface TarLimits {
  /** Bytes of one PAX header or GNU long name. */
  readonly maxHeader: number;
  readonly maxEntries: number;
  /** Bytes of a name or link; PATH_MAX of Linux, because no file can be made under a longer one. */
  readonly maxName: number;
  /** Bytes that all sparse files together may expand to: their holes cost an attacker nothing. */
  readonly maxSparse: number;
}

export interface TarReadOptions {
  readonly limits?: Partial<TarLimits>;
  /**
   * A layer (the default) has whiteouts and is read to its last byte. In an archive given to ADD `.wh.` names are
   * ordinary files, what follows its end marker is left unread, and kinds of entries that Docker does not unpack are refused.
   */
  readonly kind?: TarKind;
  readonly keepHeaders?: boolean;
}

export type TarKind = 'layer' | 'archive';

const DEFAULT_LIMITS: TarLimits = { maxHeader: 1024 * 1024, maxEntries: 4_000_000, maxName: 4096, maxSparse: 64 * 1024 ** 3 };
const NO_RECORDS: PaxRecords = new Map();
const NO_CONTENT: AsyncIterable<Uint8Array> = (async function* () {})();

/** Entries in archive order. After the last one the source of a layer is read to its end. */
export async function* readTar(source: AsyncIterable<Uint8Array>, options: TarReadOptions = {}): AsyncGenerator<TarEntry> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const kind = options.kind ?? 'layer';
  const queue = new ByteQueue(source);
  let count = 0;
  let holes = 0;
  try {
    for (;;) {
      const kept: Buffer[] | null = options.keepHeaders === true ? [] : null;
      const next = await readHeaders(queue, limits, kept);
      if (next === null) break;
      const { header, ext } = next;
      if (++count > limits.maxEntries) throw badLayer(`it has more than ${limits.maxEntries} entries`);
      if (kind === 'archive') refuseForeignKinds(header);
      const stored = contentSize(header, ext.pax);
      const content = new TarContent(queue, stored);
      const sparse = await readSparseMap(header, ext.pax, next.block, queue, content);
      holes += sparse?.size ?? 0;
      if (holes > limits.maxSparse) throw badLayer(`its sparse files expand to more than ${limits.maxSparse} bytes`);
      const facts = { size: sparse?.size ?? stored, sparse: sparse !== null, whiteouts: kind === 'layer', maxName: limits.maxName };
      const entry = toEntry(header, ext, facts);
      if (entry !== null) {
        const stored = kept === null || sparse !== null ? {} : { header: storedHeader(next, kept) };
        yield { entry, content: contentOf(entry, content, sparse), ...stored };
      }
      await content.finish();
    }
    if (kind === 'layer') await queue.drain();
  } finally {
    await queue.close();
  }
}

function contentOf(entry: FileEntry, content: TarContent, sparse: SparseMap | null): AsyncIterable<Uint8Array> {
  if (entry.type !== 'file') return NO_CONTENT;
  return sparse === null ? content : expandSparse(content, sparse);
}

const storedHeader = ({ header, ext }: Headers, blocks: readonly Buffer[]): StoredHeader => ({
  blocks: Buffer.concat(blocks),
  name: rawName(header, ext),
  link: rawLink(header, ext),
});

interface Headers {
  readonly header: RawHeader;
  readonly ext: Extensions;
  readonly block: Buffer;
}

/** The next entry's header with the extension headers before it, `kept` with their blocks; null at the end of the archive. */
async function readHeaders(queue: ByteQueue, limits: TarLimits, kept: Buffer[] | null): Promise<Headers | null> {
  let pax = NO_RECORDS;
  let longName: string | undefined;
  let longLink: string | undefined;
  let extended = false;
  for (let blocks = 0; ; blocks++) {
    // Headers may follow headers; an endless run of them is an attack, not an archive.
    if (blocks > 16) throw badLayer('too many extension headers in front of one entry');
    const block = queue.takeNow(BLOCK) ?? (await queue.take(BLOCK, 'a header'));
    if (block === null || isZeroBlock(block)) {
      if (extended) throw truncated('an extension header');
      if (block !== null) await expectEnd(queue);
      return null;
    }
    const header = decodeHeader(block);
    // Copies: what is read on may overwrite these bytes.
    if (header.type !== TYPE.paxGlobal) kept?.push(Buffer.from(block));
    switch (header.type) {
      case TYPE.paxLocal:
        pax = decodePax(await readExtension(queue, header, limits, kept));
        break;
      case TYPE.paxGlobal:
        decodePax(await readExtension(queue, header, limits, null));
        continue;
      case TYPE.gnuLongName:
        longName = untilNul(await readExtension(queue, header, limits, kept));
        break;
      case TYPE.gnuLongLink:
        longLink = untilNul(await readExtension(queue, header, limits, kept));
        break;
      default: {
        const ext = { pax, ...(longName === undefined ? {} : { longName }), ...(longLink === undefined ? {} : { longLink }) };
        return { header, ext, block };
      }
    }
    extended = true;
  }
}

/** One zero block must be followed by another, or by the end. */
async function expectEnd(queue: ByteQueue): Promise<void> {
  const second = await queue.take(BLOCK, 'the end marker');
  if (second !== null && !isZeroBlock(second)) throw badLayer('entries follow an end marker');
}

async function readExtension(queue: ByteQueue, header: RawHeader, limits: TarLimits, kept: Buffer[] | null): Promise<Buffer> {
  if (header.size < 0 || header.size > limits.maxHeader) {
    throw badLayer(`an extended header of ${header.size} bytes is larger than ${limits.maxHeader}`);
  }
  if (header.size === 0) return Buffer.alloc(0);
  const body = await queue.take(header.size, 'an extended header');
  if (body === null) throw truncated('an extended header');
  // A copy: the piece may be a view that the source reuses once more is asked for.
  const bytes = Buffer.from(body);
  await queue.skip(paddingOf(header.size), 'an extended header');
  kept?.push(bytes, Buffer.alloc(paddingOf(header.size)));
  return bytes;
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}
