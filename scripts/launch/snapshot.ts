// Builds the start-up snapshot: `node --build-snapshot snapshot.cjs DIST NAME`. The heap that is kept has the
// program loaded, warmed up and compiled; a process started from it begins with its own arguments and streams.
import { writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { startupSnapshot } from 'node:v8';
import type { Script } from 'node:vm';
import { compileCalled } from './called-functions.ts';
import { loadProgram, type ProgramName, placeAt, readScript, type ScriptName } from './load-program.ts';

/** In the place of the launcher: the process writes down what V8 compiled for the scripts that it read. */
const TRAINING = 'train';

const [dist = '', name = ''] = process.argv.slice(2);
const place = placeAt(dist);

function read(script: ScriptName): Script {
  const cache = `${script}.snapshot.cache`;
  const made = readScript(place.dirname, script, cache);
  if (basename(process.argv[1] ?? '') === TRAINING)
    process.once('exit', () => writeFileSync(join(place.dirname, cache), made.createCachedData()));
  return made;
}

const program = loadProgram(name as ProgramName, place, read);

startupSnapshot.setDeserializeMainFunction(() => {
  // Started as `node --snapshot-blob DIST/NAME.blob DIST/LAUNCHER ARGUMENT…`.
  Object.assign(place, placeAt(dirname(resolve(process.argv[1] ?? ''))));
  void program.runProgram();
});
// Resolved before the heap is written down.
void program.warmUp().then(() => compileCalled(dist, name));
