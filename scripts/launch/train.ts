// Runs the program once and writes down what V8 compiled for it, beside what earlier runs did:
// `node train.cjs DIST NAME ARGUMENT…`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { loadProgram, type ProgramName, placeAt, readScript, type ScriptName } from './load-program.ts';

const [dist = '', name = ''] = process.argv.splice(2, 2);
const scripts = new Map<ScriptName, Script>();
const read = (script: ScriptName): Script => {
  const made = readScript(dist, script);
  scripts.set(script, made);
  return made;
};
process.on('exit', (code) => {
  if (code !== 0) return;
  for (const [script, made] of scripts) writeFileSync(join(dist, `${script}.cache`), made.createCachedData());
});
void loadProgram(name as ProgramName, placeAt(dist), read).runProgram();
