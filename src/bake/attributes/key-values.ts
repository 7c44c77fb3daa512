// The forms in which cache, output, secret, ssh and attest entries are written: CSV text, or an object.
import { splitCsv } from '../../core/csv.ts';
import { convert } from '../cty/convert.ts';
import { STRING } from '../cty/types.ts';
import { isEntries, isItems, type Value } from '../cty/value.ts';

/** Why an entry is refused; the caller knows where it stands. */
export class EntryProblem extends Error {
  override readonly name = 'EntryProblem';
}

/** Fields of one CSV record. */
export function csvFields(text: string): string[] {
  const fields = splitCsv(text);
  if (typeof fields === 'string') throw new EntryProblem(fields);
  return fields;
}

/** `key=value` fields, keys in lower case, in order. */
export function keyValues(text: string, fields = csvFields(text)): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const field of fields) {
    const at = field.indexOf('=');
    if (at === -1) throw new EntryProblem(`${JSON.stringify(field)} is not KEY=VALUE in ${JSON.stringify(text)}`);
    pairs.set(field.slice(0, at).trim().toLowerCase(), field.slice(at + 1));
  }
  return pairs;
}

/** Members of an object value as text; nulls are left out. */
export function members(value: Value): Map<string, string> {
  const out = new Map<string, string>();
  if (!isEntries(value.payload)) throw new EntryProblem('text or an object is needed');
  for (const [name, member] of value.payload) {
    if (member.payload === null) continue;
    const text = convert(member, STRING);
    if (!text.ok) throw new EntryProblem(`${name}: ${text.reason}`);
    out.set(name, String(text.value.payload));
  }
  return out;
}

/** Entries of a list value: texts as they are, objects as they are. Empty texts and nulls are skipped. */
export function entriesOf<T>(value: Value, fromText: (text: string) => T, fromValue: (value: Value) => T): T[] {
  if (!isItems(value.payload)) throw new EntryProblem('a list is needed');
  const out: T[] = [];
  for (const item of value.payload) {
    if (item.payload === null || item.payload === '') continue;
    out.push(typeof item.payload === 'string' ? fromText(item.payload) : fromValue(item));
  }
  return out;
}

/** Without entries whose `key` came before. */
export function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const id = key(item);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** Distinct, without empty ones; undefined when nothing is left. */
export function distinctTexts(items: readonly string[] | undefined): readonly string[] | undefined {
  const left = unique(
    (items ?? []).filter((item) => item !== ''),
    (item) => item,
  );
  return left.length === 0 ? undefined : left;
}
