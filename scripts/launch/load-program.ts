// Loads dist/program.js, one script that is the whole main process, with the code that V8 compiled for it
// when the bundle was made. Shared by the launcher, the start-up snapshot and the training run.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Begins the ids by which the scripts require modules of each other. */
export const MODULE_PREFIX = 'tsbuild:';

/** What split-program.ts makes. */
export type ScriptName = 'program' | 'parts';

/** Takes the place of import.meta: where the program is. Set again when a snapshot starts somewhere else. */
export interface Place {
  url: string;
  dirname: string;
  filename: string;
}

export interface Program {
  runProgram(): Promise<void>;
  warmUp(): Promise<void>;
  /** Modules of the program that are imported from elsewhere, by id. */
  shared(): Readonly<Record<string, unknown>>;
}

/** Files beside the program are named .js, so it says it is `main.js` itself, whoever launched it. */
export function placeAt(dist: string): Place {
  const filename = join(dist, 'main.js');
  // Not pathToFileURL: node:url is not needed otherwise, and these characters are all it escapes on Linux.
  const url = `file://${filename.replace(/[%?#\\\n\r\t ]/g, encodeURIComponent)}`;
  return { url, dirname: dist, filename };
}

/** With the compiled code beside it, if this V8 with these flags on this CPU made it. */
export function readScript(dist: string, name: ScriptName): Script {
  const source = readFileSync(join(dist, `${name}.js`), 'latin1');
  const cachedData = readIfThere(join(dist, `${name}.cache`));
  return new Script(source, { filename: `${name}.js`, ...(cachedData === undefined ? {} : { cachedData }) });
}

/** `readParts` makes the second script when something is imported that is not in the first (split-program.ts). */
export function loadProgram(script: Script, place: Place, readParts = () => readScript(place.dirname, 'parts')): Program {
  const linked: Linked = { place, readParts };
  linked.program = run(script, linked) as Program;
  return linked.program;
}

interface Linked {
  readonly place: Place;
  readonly readParts: () => Script;
  program?: Program;
  shared?: Readonly<Record<string, unknown>>;
  parts?: Readonly<Record<string, () => unknown>>;
}

function run(script: Script, linked: Linked): object {
  const module = { exports: {} };
  const define = script.runInThisContext() as (module: { exports: object }, require: (id: string) => unknown, place: Place) => void;
  define(module, (id) => requireOf(linked, id), linked.place);
  return module.exports;
}

/** A snapshot cannot hold the usual `require`; packages outside the bundle are found from where it runs. */
function requireOf(linked: Linked, id: string): unknown {
  if (!id.startsWith(MODULE_PREFIX)) return process.getBuiltinModule(id) ?? createRequire(linked.place.filename)(id);
  linked.shared ??= linked.program?.shared() ?? {};
  if (id in linked.shared) return linked.shared[id];
  linked.parts ??= run(linked.readParts(), linked) as Record<string, () => unknown>;
  const load = linked.parts[id];
  if (load === undefined) throw new Error(`${id} is in no script of the bundle`);
  return load();
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
