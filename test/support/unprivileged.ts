// A user without privileges for tests of rootless steps: made once with id ranges of its own, used
// through setpriv. The second one has no ranges.
import { execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

export interface UnprivilegedUser {
  readonly name: string;
  readonly uid: number;
  /** Starts a program as this user. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): ReturnType<typeof spawn>;
}

const works = (program: string, ...args: string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** Null, with the reason printed, where such a user cannot be made or user namespaces are refused. */
export function unprivilegedUser(ranges: boolean): UnprivilegedUser | null {
  const name = ranges ? 'tsbuild-ranges' : 'tsbuild-single';
  const missing = [
    ...(process.getuid?.() === 0 ? [] : ['root (to make a user)']),
    ...(works('setpriv', '--version') ? [] : ['setpriv']),
    ...(!ranges || works('sh', '-c', 'command -v newuidmap') ? [] : ['newuidmap (apt-get install uidmap)']),
  ];
  if (missing.length === 0 && !works('id', name) && !works('useradd', '--no-create-home', '--shell', '/bin/sh', name))
    missing.push('useradd');
  if (missing.length === 0) setRanges(name, ranges);
  const uid = missing.length === 0 ? Number(execFileSync('id', ['-u', name], { encoding: 'utf8' })) : 0;
  const asUser = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--inh-caps=-all', '--'];
  if (missing.length === 0 && !works('setpriv', ...asUser, 'unshare', '-U', 'true')) missing.push('user namespaces');
  if (missing.length > 0) {
    console.warn(`skipped: rootless steps need ${missing.join(', ')}`);
    return null;
  }
  return { name, uid, spawn: (program, args, options) => spawn('setpriv', [...asUser, program, ...args], options) };
}

const RANGE_FILES = ['/etc/subuid', '/etc/subgid'];

/** Changes nothing when it is so already: test files that run side by side share these users. */
function setRanges(name: string, wanted: boolean): void {
  const lines = RANGE_FILES.map((path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []));
  const has = lines.map((file) => file.some((line) => line.startsWith(`${name}:`)));
  if (has.every((present) => present === wanted)) return;
  works('usermod', '--del-subuids', '0-4294967294', '--del-subgids', '0-4294967294', name);
  if (wanted) works('usermod', '--add-subuids', '300000-365535', '--add-subgids', '300000-365535', name);
}

/** A directory that belongs to the user. */
export async function directoryOf(user: UnprivilegedUser): Promise<string> {
  const path = await mkdtemp(join('/var/tmp', 'tsbuild-user-'));
  chownSync(path, user.uid, user.uid);
  chmodSync(path, 0o755);
  return path;
}
