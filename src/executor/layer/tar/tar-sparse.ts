// Sparse files as GNU tar stores them: the old header type `S` and the PAX forms 0.0, 0.1 and 1.0. Layers
// made by image builders have none, archives given to ADD may. The stored pieces are expanded to the
// whole file. https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html
import type { ByteQueue } from './byte-queue.ts';
import { truncated } from './byte-queue.ts';
import type { PaxRecords } from './pax.ts';
import type { TarContent } from './tar-content.ts';
import { BLOCK, badLayer, TYPE } from './tar-format.ts';
import type { RawHeader } from './tar-header.ts';

export interface SparseMap {
  /** Bytes of the expanded file. */
  readonly size: number;
  /** Ascending, without overlap. */
  readonly pieces: readonly { readonly offset: number; readonly length: number }[];
}

const MAX_PIECES = 200_000;
/** Those with a map in the extended header; GNU tar itself does not name them. */
const EARLY_VERSIONS: ReadonlySet<string> = new Set(['.', '0.0', '0.1']);
const ZEROS = new Uint8Array(64 * 1024);

/** The map of a sparse entry, or null for an ordinary one. Reads what of the map lies between header and data. */
export async function readSparseMap(
  header: RawHeader,
  pax: PaxRecords,
  block: Buffer,
  queue: ByteQueue,
  content: TarContent,
): Promise<SparseMap | null> {
  if (header.type === TYPE.gnuSparse) return readOldMap(block, queue);
  if (header.type !== TYPE.file && header.type !== TYPE.old) return null;
  const size = decimal(pax.get('GNU.sparse.size') ?? pax.get('GNU.sparse.realsize'));
  const version = `${pax.get('GNU.sparse.major') ?? ''}.${pax.get('GNU.sparse.minor') ?? ''}`;
  if (version === '1.0') return checked(size, await readNumbers(content));
  const map = pax.get('GNU.sparse.map');
  // As in Go's reader, whoever names a version that does not exist means no sparse file.
  if (map === undefined || !EARLY_VERSIONS.has(version)) return null;
  return checked(size, map === '' ? [] : map.split(',').map(decimal));
}

/** Version 1.0: decimal lines in front of the data, padded to whole blocks; the first is the number of pieces. */
async function readNumbers(content: TarContent): Promise<number[]> {
  const numbers: number[] = [];
  let text = '';
  for (let wanted = 1; numbers.length < wanted; ) {
    const newline = text.indexOf('\n');
    if (newline === -1) {
      if (text.length > BLOCK) throw badLayer('a sparse map has no end');
      text += (await content.take(BLOCK)).toString('latin1');
      continue;
    }
    numbers.push(decimal(text.slice(0, newline)));
    text = text.slice(newline + 1);
    if (numbers.length === 1) wanted = 1 + 2 * Math.min(numbers[0] ?? 0, MAX_PIECES + 1);
  }
  return numbers.slice(1);
}

/** The old form: four pieces in the header, more in blocks after it, 21 each. */
async function readOldMap(block: Buffer, queue: ByteQueue): Promise<SparseMap> {
  const numbers: number[] = [];
  const size = octal(block, 483);
  readOldPieces(block, 386, 4, numbers);
  for (let more = block[482] === 1; more; ) {
    if (numbers.length > 2 * MAX_PIECES) throw badLayer('a sparse file has too many pieces');
    const next = await queue.take(BLOCK, 'a sparse map');
    if (next === null) throw truncated('a sparse map');
    readOldPieces(next, 0, 21, numbers);
    more = next[504] === 1;
  }
  return checked(size, numbers);
}

function readOldPieces(block: Buffer, at: number, count: number, numbers: number[]): void {
  for (let i = 0; i < count; i++) {
    const start = at + i * 24;
    if (block[start] === 0) return;
    numbers.push(octal(block, start), octal(block, start + 12));
  }
}

function octal(block: Buffer, at: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) {
    const value = block.readBigUInt64BE(at + 4);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? NaN : Number(value);
  }
  const text = block.toString('latin1', at, at + 12).replace(/[\0 ]+$/, '');
  return /^[0-7]+$/.test(text.trim()) ? Number.parseInt(text, 8) : NaN;
}

const decimal = (text: string | undefined): number => (text !== undefined && /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN);

/** offset, length, offset, length… → a map whose pieces are in order and inside the file. */
function checked(size: number, numbers: readonly number[]): SparseMap {
  if (!Number.isSafeInteger(size) || numbers.length % 2 !== 0) throw badLayer('a sparse file has a damaged map');
  if (numbers.length > 2 * MAX_PIECES) throw badLayer('a sparse file has too many pieces');
  const pieces: { offset: number; length: number }[] = [];
  let end = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const offset = numbers[i] ?? NaN;
    const length = numbers[i + 1] ?? NaN;
    // NaN fails every comparison, so numbers that were none end here too.
    if (!(offset >= end && length >= 0 && offset + length <= size)) throw badLayer('a sparse file has a damaged map');
    end = offset + length;
    if (length > 0) pieces.push({ offset, length });
  }
  return { size, pieces };
}

/** The whole file: stored pieces with zeros between them. */
export async function* expandSparse(stored: AsyncIterable<Uint8Array>, map: SparseMap): AsyncGenerator<Uint8Array> {
  let at = 0;
  let index = 0;
  let left = map.pieces[0]?.length ?? 0;
  for await (const chunk of stored) {
    for (let from = 0; from < chunk.length; ) {
      const piece = map.pieces[index];
      if (piece === undefined) throw badLayer('a sparse file has more data than its map says');
      yield* zeros(piece.offset - at);
      at = Math.max(at, piece.offset);
      const bytes = chunk.subarray(from, from + left);
      yield bytes;
      from += bytes.length;
      at += bytes.length;
      left -= bytes.length;
      if (left === 0) left = map.pieces[++index]?.length ?? 0;
    }
  }
  if (index < map.pieces.length) throw badLayer('a sparse file has less data than its map says');
  yield* zeros(map.size - at);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}
