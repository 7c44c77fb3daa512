// One CSV record as Go's encoding/csv reads it: a field may be quoted as a whole, `""` is a quote in it.
import { appendRange, type MappedText, mappedTextBuilder, originOf } from './mapped-text.ts';

/** Fields with the origin of every character, or what is wrong with the record. */
export function splitCsv(record: MappedText): MappedText[] | string {
  const { text } = record;
  if (text === '') return 'EOF';
  const fields: MappedText[] = [];
  let at = 0;
  while (true) {
    const builder = mappedTextBuilder();
    const origin = originOf(record, Math.min(at, text.length - 1));
    if (text[at] === '"') {
      const end = quotedField(record, at, builder);
      if (end === -1) return 'extraneous or missing " in quoted-field';
      at = end;
    } else {
      const comma = text.indexOf(',', at);
      const end = comma === -1 ? text.length : comma;
      if (text.slice(at, end).includes('"')) return 'bare " in non-quoted field';
      appendRange(builder, record, at, end);
      at = end;
    }
    fields.push(builder.finish(origin));
    if (at >= text.length) return fields;
    at += 1;
  }
}

/** Offset of the comma or end after a quoted field that opens at `start`, or -1. */
function quotedField(record: MappedText, start: number, builder: ReturnType<typeof mappedTextBuilder>): number {
  const { text } = record;
  let at = start + 1;
  while (true) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return -1;
    appendRange(builder, record, at, quote);
    if (text[quote + 1] !== '"') return quote + 1 === text.length || text[quote + 1] === ',' ? quote + 1 : -1;
    appendRange(builder, record, quote, quote + 1);
    at = quote + 2;
  }
}
