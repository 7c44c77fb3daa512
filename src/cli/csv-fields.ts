// Values of flags that list fields: `type=oci,dest=out.tar,"name=a,b"`.
import { splitCsv } from '../core/csv.ts';

/** Fields `key=value`, keys in lower case; a bare word is `[word, '']`. `fail` makes the error for text that is no record. */
export function csvFields(text: string, fail: (message: string) => Error): ReadonlyMap<string, string> {
  const fields = splitCsv(text);
  if (typeof fields === 'string') throw fail(fields);
  return new Map(
    fields.map((field) => {
      const at = field.indexOf('=');
      return at === -1 ? [field, ''] : [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
    }),
  );
}
