// Chevrotain fills a table of 65,536 entries for what is one division. In a start-up snapshot the table
// alone is half a megabyte that every process reads, so the bundle computes the entries instead.
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const LOOKUP = ': charCodeToOptimizedIdxMap[charCode];';
const FILL = '    if (charCodeToOptimizedIdxMap.length === 0) {';

export const chevrotainTable: Plugin = {
  name: 'chevrotain-table',
  setup(build) {
    build.onLoad({ filter: /\/chevrotain\/lib\/src\/scan\/lexer\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      // Another release of chevrotain may do without the table; then there is nothing to replace.
      if (source.split(LOOKUP).length !== 2 || source.split(FILL).length !== 2) return { contents: source };
      const contents = source.replace(LOOKUP, ': charCode > 255 ? 255 + ~~(charCode / 255) : charCode;').replace(FILL, '    if (false) {');
      return { contents };
    });
  },
};
