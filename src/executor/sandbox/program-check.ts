// Why a program of an exec form could not be started. Asked only after the runtime reported a
// failure, so that its message text need not be understood. Docker ends such a step with code 1, or
// 255 when the file is there but the kernel cannot run it.
import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import type { ExecOp } from '../../graph/op.ts';
import type { ContainerView } from './container-view.ts';
import type { StepUser } from './user-lookup.ts';

export interface ProgramProblem {
  /** `format`: it is there and may be run, but the kernel does not know how. */
  readonly kind: 'missing' | 'unusable' | 'format';
  readonly message: string;
  readonly exitCode: number;
}

/** A script may be run by a script; the kernel allows four. */
const INTERPRETERS = 4;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The same before the step starts; null also where the program may be in a file system that is made with it. */
export function certainProblem(view: ContainerView, op: ExecOp, user: StepUser): ProgramProblem | null {
  const problem = describeProgram(view, op, user);
  if (problem?.kind !== 'missing') return problem;
  const fresh = candidatesOf(op, op.args[0] ?? '').some((candidate) => view.isFresh(view.resolve(candidate).path));
  return fresh ? null : problem;
}

/** Null when nothing is wrong with the program: then it was the runtime. */
export function describeProgram(view: ContainerView, op: ExecOp, user: StepUser): ProgramProblem | null {
  const [name = ''] = op.args;
  const found = findProgram(view, op, name);
  if (found === null) {
    const why = name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH';
    return { kind: 'missing', message: `exec: ${JSON.stringify(name)}: ${why}`, exitCode: 1 };
  }
  if (!found.stat.isFile() || !mayRun(found.stat, user)) {
    const why = found.stat.isDirectory() ? 'is a directory' : 'permission denied';
    return { kind: 'unusable', message: `exec: ${JSON.stringify(name)}: ${why}`, exitCode: 1 };
  }
  const why = unrunnable(view, found.path);
  return why === null ? null : { kind: 'format', message: `exec ${found.path}: ${why}`, exitCode: 255 };
}

export function findProgram(view: ContainerView, op: ExecOp, name: string): { readonly path: string; readonly stat: Stats } | null {
  let unusable: { readonly path: string; readonly stat: Stats } | null = null;
  for (const candidate of candidatesOf(op, name)) {
    const { path, stat } = view.resolve(candidate);
    if (stat === null) continue;
    if (stat.isFile() && (stat.mode & 0o111) !== 0) return { path, stat };
    unusable ??= { path, stat };
  }
  return unusable;
}

function candidatesOf(op: ExecOp, name: string): readonly string[] {
  if (name.includes('/')) return [name.startsWith('/') ? name : `${op.cwd}/${name}`];
  return searchPath(op)
    .filter((directory) => directory !== '')
    .map((directory) => `${directory}/${name}`);
}

function mayRun({ mode, uid, gid }: Stats, user: StepUser): boolean {
  if (user.uid === 0) return (mode & 0o111) !== 0;
  if (uid === user.uid) return (mode & 0o100) !== 0;
  return (mode & (gid === user.gid || user.groups.includes(gid) ? 0o010 : 0o001)) !== 0;
}

function searchPath(op: ExecOp): string[] {
  const entry = op.env.findLast((text) => text.startsWith('PATH='));
  return (entry === undefined ? DEFAULT_PATH : entry.slice('PATH='.length)).split(':');
}

function unrunnable(view: ContainerView, path: string): string | null {
  const head = readHead(view, path);
  if (head === null) return null;
  const interpreter = interpreterOf(head);
  if (interpreter !== null) return view.resolve(interpreter).stat === null ? 'no such file or directory' : null;
  return elfMachine(head) === null ? 'exec format error' : null;
}

/** e_machine of what the kernel loads: the program, or the interpreter of a script. Null when that is no ELF file. */
export function machineOf(view: ContainerView, path: string, depth = 0): number | null {
  const head = readHead(view, path);
  if (head === null) return null;
  const interpreter = interpreterOf(head);
  if (interpreter === null) return elfMachine(head);
  const found = view.resolve(interpreter);
  return depth < INTERPRETERS && found.stat?.isFile() === true ? machineOf(view, found.path, depth + 1) : null;
}

function interpreterOf(head: Buffer): string | null {
  if (head.toString('latin1', 0, 2) !== '#!') return null;
  return head.toString('latin1', 2).split('\n')[0]?.trim().split(/\s+/)[0] ?? '';
}

function elfMachine(head: Buffer): number | null {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return null;
  return head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
}

function readHead(view: ContainerView, path: string): Buffer | null {
  const host = view.hostPath(path);
  if (host === null) return null;
  const fd = openSync(fsPath(host), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const head = Buffer.alloc(256);
    return head.subarray(0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
}
