// Child process of the index suite: begins the index of each folder that it reads from stdin, and says how it went.
import { openSqliteIndex } from '../../../src/cache/sqlite-index.ts';

process.stdin.on('data', (data) => {
  const index = openSqliteIndex(data.toString().trim());
  try {
    index.newSnapshot();
    process.stdout.write('ok\n');
  } catch (error) {
    process.stdout.write(`${String(error)}\n`);
  } finally {
    index.close();
  }
});
process.stdout.write('ready\n');
