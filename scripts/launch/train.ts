// Runs the program once and writes down what V8 compiled for it and which functions were called, beside
// what earlier runs did: `node train.cjs DIST NAME ARGUMENT…`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { recordCalled } from './called-functions.ts';
import { loadProgram, type ProgramName, placeAt, readScript, type ScriptName } from './load-program.ts';

const [dist = '', name = ''] = process.argv.splice(2, 2);
const writeCalled = recordCalled(dist, name);
const scripts = new Map<ScriptName, Script>();
const read = (script: ScriptName): Script => {
  const made = readScript(dist, script);
  scripts.set(script, made);
  return made;
};
process.on('exit', (code) => {
  if (code !== 0) return;
  for (const [script, made] of scripts) writeFileSync(join(dist, `${script}.cache`), made.createCachedData());
  writeCalled();
});
void loadProgram(name as ProgramName, placeAt(dist), read).runProgram();
