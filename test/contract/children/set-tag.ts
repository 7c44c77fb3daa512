// Child process of the index suite: says that it is ready, is told a moment, and sets a tag then.
import { openSqliteIndex } from '../../../src/cache/sqlite-index.ts';
import { digestOf } from '../../../src/core/digest.ts';

const [root = '', name = ''] = process.argv.slice(2);
const index = openSqliteIndex(root);
process.getBuiltinModule('node:sqlite');
process.stdout.write('ready\n');
process.stdin.once('data', (moment) => {
  while (Date.now() < Number(moment.toString()));
  index.setTag(name, { mediaType: 'application/vnd.oci.image.index.v1+json', digest: digestOf(name), size: 7 }, 1);
  index.close();
});
