// One CSV record as Go's encoding/csv reads it: how flags and attributes of bake list their fields.

/** Fields, where one may be quoted as a whole, with `""` for a quote in it; or what is wrong with the record. */
export function splitCsv(text: string): string[] | string {
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/y;
  const fields: string[] = [];
  while (true) {
    const match = field.exec(text);
    if (match === null) return `a quote is out of place in ${JSON.stringify(text)}`;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}
