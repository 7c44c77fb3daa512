// Runs the program once and writes down what V8 compiled for it and which functions were called, beside
// what earlier runs did: `node train.cjs DIST ARGUMENT…`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { recordCalled } from './called-functions.ts';
import { loadProgram, placeAt, readScript, type ScriptName } from './load-program.ts';

const [dist = ''] = process.argv.splice(2, 1);
const writeCalled = recordCalled(dist);
const scripts = new Map<ScriptName, Script>();
const read = (name: ScriptName): Script => {
  const script = readScript(dist, name);
  scripts.set(name, script);
  return script;
};
process.on('exit', (code) => {
  if (code !== 0) return;
  for (const [name, script] of scripts) writeFileSync(join(dist, `${name}.cache`), script.createCachedData());
  writeCalled();
});
void loadProgram(read('program'), placeAt(dist), () => read('parts')).runProgram();
