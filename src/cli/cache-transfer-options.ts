// --cache-mount-export and --cache-mount-import: `id=ID,dest=DIR|src=DIR|ref=REFERENCE`.
import { resolve } from 'node:path';
import type { CacheTransfer } from '../build/cache-mounts/cache-transfer.ts';
import { csvFields } from './csv-fields.ts';
import { usageError } from './flags/parse-argv.ts';

/** `directoryField` is what the flag calls a directory. */
export function parseTransfers(
  flag: string,
  directoryField: 'dest' | 'src',
  items: readonly string[],
  cwd: string,
): readonly CacheTransfer[] {
  return items.map((item) => {
    const shape = `write it as --${flag} id=ID,${directoryField}=DIR or id=ID,ref=REGISTRY/NAME:TAG`;
    const fail = (why: string): Error => usageError('build', `--${flag} ${JSON.stringify(item)}: ${why}`, shape);
    const fields = csvFields(item, fail);
    for (const key of fields.keys())
      if (!['id', 'ref', directoryField].includes(key)) throw fail(`there is no field ${JSON.stringify(key)}`);
    const [id = '', directory, reference] = [fields.get('id'), fields.get(directoryField), fields.get('ref')];
    if (id === '') throw fail('it has no id');
    if ((directory === undefined) === (reference === undefined)) throw fail(`it needs ${directoryField} or ref, and not both`);
    if (directory === '' || reference === '') throw fail('a field is empty');
    if (directory !== undefined) return { id, place: { type: 'layout', directory: resolve(cwd, directory) } };
    return { id, place: { type: 'registry', reference: reference ?? '' } };
  });
}
