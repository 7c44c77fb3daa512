// PAX extended headers: `<length> <key>=<value>\n` records, where length counts the whole record
// in bytes. Values are kept as latin1 text (one char per byte) because xattrs and names are bytes.
import { badLayer } from './tar-format.ts';

/** Key → value, both latin1 text. */
export type PaxRecords = ReadonlyMap<string, string>;

/** Keys whose value names a file: a NUL in them would cut the name short in a syscall. */
const NAMES = new Set(['path', 'linkpath', 'uname', 'gname']);

/** The only keys that may repeat: version 0.0 of sparse files has a pair for each piece. They become version 0.1's map. */
const SPARSE_PIECE = new Set(['GNU.sparse.offset', 'GNU.sparse.numbytes']);

function piece(index: number, key: string, value: string): string {
  const wanted = index % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes';
  if (key !== wanted || value.includes(',')) throw badLayer('a sparse file has a damaged map');
  return value;
}

/** One record; the length field counts itself, so it may grow by a digit. */
function paxRecord(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** Records sorted by key. Keys and values are latin1 text. */
export function encodePax(records: ReadonlyMap<string, string>): Buffer {
  let text = '';
  for (const key of [...records.keys()].sort()) text += paxRecord(key, records.get(key) ?? '');
  return Buffer.from(text, 'latin1');
}

/** Strict inverse of `encodePax`; 'exec/layer-malformed' for anything that is not a list of records. */
export function decodePax(bytes: Uint8Array): PaxRecords {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const records = new Map<string, string>();
  const pieces: string[] = [];
  let at = 0;
  while (at < text.length) {
    const blank = text.indexOf(' ', at);
    const digits = blank === -1 ? '' : text.slice(at, blank);
    const length = /^[1-9][0-9]{0,7}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = text.indexOf('=', blank + 1);
    if (length === 0 || end > text.length || text[end - 1] !== '\n' || equals === -1 || equals > end - 2) {
      throw badLayer('a PAX record has a wrong length');
    }
    const key = text.slice(blank + 1, equals);
    const value = text.slice(equals + 1, end - 1);
    if (key === '' || key.includes('\0') || (NAMES.has(key) && value.includes('\0'))) {
      throw badLayer('a PAX record has a NUL byte in a name');
    }
    if (SPARSE_PIECE.has(key)) pieces.push(piece(pieces.length, key, value));
    else records.set(key, value);
    at = end;
  }
  if (pieces.length > 0) records.set('GNU.sparse.map', pieces.join(','));
  return records;
}
