// Which functions have their code in the snapshot: those that training runs from a snapshot without any had to compile, of
// the program and of Node's own modules. V8 takes no compiled code from a file while it makes a snapshot, and calling the functions
// there would leave paths, random numbers and handles behind. The debugger compiles a function to say where in it one can
// stop, without calling it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Runtime, Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

/** A function as V8's log has it. */
interface Called {
  /** Its number, which stays the same in every process from the same Node. */
  readonly script: string;
  readonly name: string;
  /** Offset in the script. */
  readonly end: number;
}

/** By address of the script: that of the program and the modules of Node. */
type CalledByUrl = Readonly<Record<string, readonly Called[]>>;

const fileOf = (dist: string, name: string): string => join(dist, `launch/${name}.called`);

/** Flags of training runs: V8 writes down what it compiles, each process in a file of its own in `logs`. */
export const logCalled = (logs: string): readonly string[] => [
  '--log-function-events',
  '--no-logfile-per-isolate',
  `--logfile=${join(logs, '%p')}`,
];

/** Puts together what the runs had to compile. */
export function writeCalled(dist: string, name: string, logs: string): void {
  const called: Record<string, Called[]> = {};
  for (const log of readdirSync(logs)) {
    const urls = new Map<string, string>();
    for (const line of readFileSync(join(logs, log), 'utf8').split('\n')) {
      const [event, what = '', script = '', , end, , , functionName = ''] = line.split(',');
      if (event === 'script-details') urls.set(what, script);
      const url = urls.get(script);
      if (event !== 'function' || what !== 'interpreter' || url === undefined) continue;
      called[url] ??= [];
      called[url].push({ script, name: functionName, end: Number(end) });
    }
  }
  writeFileSync(fileOf(dist, name), JSON.stringify(called));
}

function readCalled(dist: string, name: string): CalledByUrl {
  try {
    return JSON.parse(readFileSync(fileOf(dist, name), 'utf8')) as CalledByUrl;
  } catch {
    return {};
  }
}

/** Call when all is loaded and warmed up. No other function keeps its code: most run only once, or never. */
export async function compileCalled(dist: string, name: string): Promise<void> {
  const session = new Session();
  session.connect();
  await dropCode(session);
  const ids = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params: { url, scriptId } }) => ids.set(url, scriptId));
  await session.post('Debugger.enable');
  const called = Object.entries(readCalled(dist, name));
  for (const [url, functions] of called) {
    const scriptId = ids.get(url);
    if (scriptId !== undefined) await compileAt(session, scriptId, functions);
  }
  const hidden = called.flatMap(([url, functions]) => (ids.has(url) ? [] : functions));
  if (hidden.length > 0) await compileHidden(session, hidden);
  await session.post('Debugger.disable');
  session.disconnect();
}

async function dropCode(session: Session): Promise<void> {
  setFlagsFromString('--stress-flush-code');
  await session.post('HeapProfiler.collectGarbage');
  setFlagsFromString('--no-stress-flush-code');
}

async function compileAt(session: Session, scriptId: string, functions: readonly Called[]): Promise<void> {
  const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId });
  const lines = [0, ...[...scriptSource.matchAll(/\n/g)].map(({ index }) => index + 1)];
  for (const { end } of functions) {
    // The last character of a function belongs to no function inside it, save where an arrow returns an arrow.
    const lineNumber = lines.findLastIndex((start) => start < end);
    const columnNumber = end - 1 - (lines[lineNumber] ?? 0);
    const place = { scriptId, lineNumber, columnNumber };
    await session.post('Debugger.getPossibleBreakpoints', {
      start: place,
      end: { ...place, columnNumber: columnNumber + 1 },
      restrictToFunction: true,
    });
  }
}

/**
 * The debugger does not know the scripts that Node's own snapshot brought, but their functions are in the heap. Looking
 * at one leaves objects there and a breakpoint takes milliseconds, hence only at those with a name that is asked for.
 */
async function compileHidden(session: Session, functions: readonly Called[]): Promise<void> {
  const called = new Set(functions.map(({ script, name }) => `${script} ${name}`));
  const names = JSON.stringify(functions.map(({ name }) => name).filter((name) => name !== ''));
  const { result: prototype } = await session.post('Runtime.evaluate', { expression: 'Function.prototype' });
  const { objects } = await session.post('Runtime.queryObjects', { prototypeObjectId: prototype.objectId ?? '' });
  const { result: named } = await session.post('Runtime.callFunctionOn', {
    objectId: objects.objectId ?? '',
    functionDeclaration: `function () { const names = new Set(${names}); return this.filter(({ name }) => names.has(name)); }`,
  });
  const seen = new Set<string>();
  for (const { value } of (await propertiesOf(session, named)).result) {
    if (value?.objectId === undefined || value.type !== 'function') continue;
    const { result: own, internalProperties = [] } = await propertiesOf(session, value);
    const name = own.find((property) => property.name === 'name')?.value?.value;
    const { scriptId, lineNumber, columnNumber } = internalProperties.find((property) => property.name === LOCATION)?.value?.value ?? {};
    const place = `${scriptId} ${lineNumber} ${columnNumber}`;
    // Closures of one function have their code in common.
    if (!called.has(`${scriptId} ${name}`) || seen.has(place)) continue;
    seen.add(place);
    await session.post('Debugger.setBreakpointOnFunctionCall', { objectId: value.objectId });
  }
}

const LOCATION = '[[FunctionLocation]]';

const propertiesOf = (session: Session, { objectId }: Runtime.RemoteObject): Promise<Runtime.GetPropertiesReturnType> =>
  session.post('Runtime.getProperties', { objectId: objectId ?? '', ownProperties: true });
