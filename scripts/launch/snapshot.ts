// Builds the start-up snapshot: `node --build-snapshot snapshot.cjs DIST`. The heap that is kept has the
// program loaded, warmed up and compiled; a process started from it begins with its own arguments and streams.
import { dirname, resolve } from 'node:path';
import { startupSnapshot } from 'node:v8';
import { compileCalled } from './called-functions.ts';
import { loadProgram, placeAt, readScript } from './load-program.ts';

const [dist = ''] = process.argv.slice(2);
const place = placeAt(dist);
// The script object itself must not be kept: a snapshot cannot hold it.
const program = loadProgram(readScript(dist, 'program'), place);

startupSnapshot.setDeserializeMainFunction(() => {
  // Started as `node --snapshot-blob DIST/program.blob DIST/main.cjs ARGUMENT…`.
  Object.assign(place, placeAt(dirname(resolve(process.argv[1] ?? ''))));
  void program.runProgram();
});
// Resolved before the heap is written down.
void program.warmUp().then(() => compileCalled(dist));
