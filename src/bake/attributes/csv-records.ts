// Records of a CSV text, as Go's encoding/csv splits it: quoted fields may hold line breaks.
import { CallProblem } from '../eval/scope.ts';

export function csvRecords(source: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const text = source.replaceAll('\r\n', '\n');
  const field = /"((?:[^"]|"")*)"(?=[,\n]|$)|([^",\n]*)(?=[,\n]|$)/y;
  for (let at = 0; at < text.length || record.length > 0; ) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null) throw new CallProblem('a quote is at a wrong place', 0);
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    at += match[0].length;
    if (text[at] === ',') {
      at += 1;
      continue;
    }
    // Blank lines are no records.
    if (record.length > 1 || match[0] !== '') records.push(record);
    record = [];
    at += 1;
  }
  return records;
}
