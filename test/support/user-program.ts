// The program as a user without privileges has it: a copy that everybody can read (the working tree may
// be closed to others), started through setpriv with a bare environment, in a store that the user owns.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliOptions, HOME, openWorkbench, type Workbench } from './cli.ts';
import { type Device, type Machine, onMachine } from './machine.ts';
import type { UnprivilegedUser } from './unprivileged.ts';

export interface InstalledProgram {
  readonly path: string;
  remove(): void;
}

/** What `npm ci` and `npm run build` leave, without the tools of development. */
export function installProgram(): InstalledProgram {
  const home = mkdtempSync(join(tmpdir(), 'tsbuild-program-'));
  const parts = ['bin', 'dist', 'package.json', 'node_modules/node/bin/node', 'node_modules/koffi', 'node_modules/@koromix'];
  for (const part of parts)
    if (existsSync(join(HOME, part))) cpSync(join(HOME, part), join(home, part), { recursive: true, preserveTimestamps: true });
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', home]);
  return { path: join(home, 'bin/tsbuild'), remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** The user on a machine that may differ from this one. */
function commandOf(user: UnprivilegedUser, machine: Machine): readonly string[] {
  const id = String(user.uid);
  return [...onMachine(machine), 'setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--inh-caps=-all', '--'];
}

/** False, and said, where even a node of its own does not let the user open the device. */
export function canUse(device: Device, user: UnprivilegedUser): boolean {
  const [program = '', ...args] = commandOf(user, { devices: [device] });
  const opened = spawnSync(program, [...args, 'sh', '-c', `: <>/dev/${device}`], { stdio: 'ignore' }).status === 0;
  if (!opened) console.warn(`/dev/${device} cannot be opened here, not even by root: only what is said about that is tested`);
  return opened;
}

export interface UserWorkbench extends Workbench {
  /** Runs any command as the user; its exit code. */
  sh(script: string): number | null;
}

/** Everything below `dir` belongs to the user. */
export function openUserWorkbench(program: InstalledProgram, user: UnprivilegedUser, machine: Machine = {}): UserWorkbench {
  // /var/tmp: overlay needs a file system that keeps attributes, and /tmp may be a tmpfs without them.
  const parent = mkdtempSync('/var/tmp/tsbuild-user-');
  chmodSync(parent, 0o755);
  const command = commandOf(user, machine);
  const home = join(parent, 'home');
  mkdirSync(home);
  const defaults: CliOptions = {
    command: [...command, 'env', '-i', `PATH=${process.env['PATH'] ?? ''}`, `HOME=${home}`, 'TSBUILD_PROGRESS=plain', program.path],
    cwd: '/',
  };
  const bench = openWorkbench(parent, defaults);
  const own = (path: string): string => {
    execFileSync('chown', ['-R', `${user.uid}:${user.uid}`, path]);
    return path;
  };
  own(home);
  chownSync(bench.dir, user.uid, user.uid);
  return {
    ...bench,
    context: (files) => own(bench.context(files)),
    sh(script) {
      const [head = '', ...rest] = command;
      return spawnSync(head, [...rest, 'sh', '-c', script], { stdio: 'ignore', cwd: '/' }).status;
    },
    dispose: () => rmSync(parent, { recursive: true, force: true }),
  };
}
