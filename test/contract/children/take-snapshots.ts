// Child process of the index suite: reserves `count` snapshot ids and prints them.
import { openSqliteIndex } from '../../../src/cache/sqlite-index.ts';

const [root = '', count = '1'] = process.argv.slice(2);
const index = openSqliteIndex(root);
for (let i = 0; i < Number(count); i++) process.stdout.write(`${index.newSnapshot()}\n`);
index.close();
