// Child process of the index suite: opens an index when no file can be opened any more, and prints how that ends.
import { openSync } from 'node:fs';
import { connect } from '../../../src/cache/sqlite-connection.ts';
import { openSqliteIndex } from '../../../src/cache/sqlite-index.ts';
import { TsbuildError } from '../../../src/core/errors.ts';

const [root = ''] = process.argv.slice(2);
// Loads what is needed while it still can be.
connect(`${root}/other/file.db`).close();
try {
  for (;;) openSync('/dev/null', 'r');
} catch {
  // The limit is reached.
}
try {
  openSqliteIndex(root).tags();
} catch (error) {
  if (!(error instanceof TsbuildError)) throw error;
  process.stdout.write(`${error.code}: ${error.message}; ${error.hint}\n`);
}
