// Runs the program once and writes down what V8 compiled for it: `node train.cjs DIST ARGUMENT…`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadProgram, placeAt, readProgram } from './load-program.ts';

const [dist = ''] = process.argv.splice(2, 1);
const script = readProgram(dist, null);
process.on('exit', (code) => {
  if (code === 0) writeFileSync(join(dist, 'program.cache'), script.createCachedData());
});
void loadProgram(script, placeAt(dist)).runProgram();
