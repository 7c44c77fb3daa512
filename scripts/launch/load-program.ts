// Loads the script of a process, dist/program.js or dist/executor.js, with the code that V8 compiled for it
// when the bundle was made. Shared by the launchers, the start-up snapshots and the training runs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Begins the ids by which the scripts require modules of each other. */
export const MODULE_PREFIX = 'tsbuild:';

/** The main process and the executor. */
export type ProgramName = 'program' | 'executor';
/** What split-program.ts makes, without .js. */
export type ScriptName = ProgramName | ReturnType<typeof partsOf>;

export const partsOf = <N extends ProgramName>(name: N): `${N}-parts` => `${name}-parts`;

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

/** With its compiled code, which counts if this V8 with these flags on this CPU and from the same snapshot made it. */
export function readScript(dist: string, name: ScriptName, cache = `${name}.cache`): Script {
  const source = readFileSync(join(dist, `${name}.js`), 'latin1');
  const cachedData = readIfThere(join(dist, cache));
  return new Script(source, { filename: `${name}.js`, ...(cachedData === undefined ? {} : { cachedData }) });
}

/** `read` makes the scripts: the program at once, its parts when something is imported that is only there. */
export function loadProgram(name: ProgramName, place: Place, read = (script: ScriptName) => readScript(place.dirname, script)): Program {
  const linked: Linked = { place, readParts: () => read(partsOf(name)) };
  linked.program = run(read(name), linked) as Program;
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
