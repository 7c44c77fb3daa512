// Which functions the training runs called, and their code in the snapshot. V8 takes no compiled code from a
// file while it makes a snapshot, and what is not compiled there is compiled by every process; calling the
// functions there would leave paths, random numbers and handles behind. The debugger compiles a function
// to say where in it one can stop, without calling it.
import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

/** End offsets of functions by script: that of the program and the modules of Node. */
type Called = Readonly<Record<string, readonly number[]>>;

const fileOf = (dist: string, name: string): string => join(dist, `launch/${name}.called`);

function readCalled(file: string): Called {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Called;
  } catch {
    return {};
  }
}

/** Call before the program is loaded; the result adds to what earlier runs called. */
export function recordCalled(dist: string, name: string): () => void {
  const file = fileOf(dist, name);
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  return () => {
    const before = readCalled(file);
    session.post('Profiler.takePreciseCoverage', (_, { result }) => {
      const called = result.map(({ url, functions }): [string, number[]] => {
        const ends = functions.flatMap(({ ranges: [whole] }) => (whole !== undefined && whole.count > 0 ? [whole.endOffset] : []));
        return [url, [...new Set([...(before[url] ?? []), ...ends])]];
      });
      writeFileSync(file, JSON.stringify({ ...before, ...Object.fromEntries(called) }));
    });
  };
}

/** Call when all is loaded. Scripts that are not are passed over. */
export function compileCalled(dist: string, name: string): void {
  const session = new Session();
  session.connect();
  const ids = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params: { url, scriptId } }) => ids.set(url, scriptId));
  session.post('Debugger.enable');
  for (const [url, ends] of Object.entries(readCalled(fileOf(dist, name)))) {
    const scriptId = ids.get(url);
    if (scriptId !== undefined) compileFunctions(session, scriptId, ends);
  }
  session.post('Debugger.disable');
  session.disconnect();
}

function compileFunctions(session: Session, scriptId: string, ends: readonly number[]): void {
  session.post('Debugger.getScriptSource', { scriptId }, (_, { scriptSource }) => {
    const lines = [0, ...[...scriptSource.matchAll(/\n/g)].map(({ index }) => index + 1)];
    for (const end of ends) {
      // The last character of a function belongs to no function inside it, save where an arrow returns an arrow.
      const lineNumber = lines.findLastIndex((start) => start < end);
      const columnNumber = end - 1 - (lines[lineNumber] ?? 0);
      session.post('Debugger.getPossibleBreakpoints', {
        start: { scriptId, lineNumber, columnNumber },
        end: { scriptId, lineNumber, columnNumber: columnNumber + 1 },
      });
    }
  });
}
