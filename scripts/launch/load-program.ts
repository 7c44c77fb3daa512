// Loads dist/program.js, one script that is the whole main process, with the code that V8 compiled for it
// when the bundle was made. Shared by the launcher, the start-up snapshot and the training run.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Takes the place of import.meta: where the program is. Set again when a snapshot starts somewhere else. */
export interface Place {
  url: string;
  dirname: string;
  filename: string;
}

export interface Program {
  runProgram(): Promise<void>;
  warmUp(): Promise<void>;
}

/** Files beside the program are named .js, so it says it is `main.js` itself, whoever launched it. */
export function placeAt(dist: string): Place {
  const filename = join(dist, 'main.js');
  // Not pathToFileURL: node:url is not needed otherwise, and these characters are all it escapes on Linux.
  const url = `file://${filename.replace(/[%?#\\\n\r\t ]/g, encodeURIComponent)}`;
  return { url, dirname: dist, filename };
}

/** `codeCache`: file of compiled code; ignored when another V8, other flags or another CPU made it. */
export function readProgram(dist: string, codeCache: string | null): Script {
  const source = readFileSync(join(dist, 'program.js'), 'latin1');
  const cachedData = codeCache === null ? undefined : readIfThere(codeCache);
  return new Script(source, { filename: 'program.js', ...(cachedData === undefined ? {} : { cachedData }) });
}

export function loadProgram(script: Script, place: Place): Program {
  const module = { exports: {} as Program };
  const define = script.runInThisContext() as (module: { exports: Program }, require: NodeJS.Require, place: Place) => void;
  define(module, requireFrom(place), place);
  return module.exports;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** A snapshot cannot hold the usual `require`; packages outside the bundle are found from where it runs. */
function requireFrom(place: Place): NodeJS.Require {
  return ((id: string) => process.getBuiltinModule(id) ?? createRequire(place.filename)(id)) as NodeJS.Require;
}
