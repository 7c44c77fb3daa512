// The program as a user without privileges has it: a copy that everybody can read (the working tree may
// be closed to others), started through setpriv with a bare environment, in a store that the user owns.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliOptions, HOME, openWorkbench, type Workbench } from './cli.ts';
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

/**
 * $0 is the uid, the rest the command. Many machines keep /dev/net/tun to root, and a private network
 * needs it: the command sees a node of its own that everybody may open.
 */
const WITH_TUN = `set -e
mount -t tmpfs -o mode=755 tun /mnt
mknod -m 666 /mnt/tun c 10 200
mount --bind /mnt/tun /dev/net/tun
umount -l /mnt
exec setpriv --reuid "$0" --regid "$0" --clear-groups --inh-caps=-all -- "$@"`;

const commandOf = (user: UnprivilegedUser, tun: boolean): readonly string[] =>
  tun
    ? ['unshare', '-m', 'sh', '-c', WITH_TUN, String(user.uid)]
    : ['setpriv', '--reuid', String(user.uid), '--regid', String(user.uid), '--clear-groups', '--inh-caps=-all', '--'];

/** False, and said, where even a device node of its own does not let the user open /dev/net/tun. */
export function canUseTun(user: UnprivilegedUser): boolean {
  const [program = '', ...args] = commandOf(user, true);
  const opened = spawnSync(program, [...args, 'sh', '-c', ': <>/dev/net/tun'], { stdio: 'ignore' }).status === 0;
  if (!opened) console.warn('/dev/net/tun cannot be opened here, not even by root: of private networks only the notice is tested');
  return opened;
}

export interface UserWorkbench extends Workbench {
  /** Runs any command as the user; its exit code. */
  sh(script: string): number | null;
}

/** Everything below `dir` belongs to the user. With `tun` the user may open /dev/net/tun. */
export function openUserWorkbench(program: InstalledProgram, user: UnprivilegedUser, { tun = false } = {}): UserWorkbench {
  // /var/tmp: overlay needs a file system that keeps attributes, and /tmp may be a tmpfs without them.
  const parent = mkdtempSync('/var/tmp/tsbuild-user-');
  chmodSync(parent, 0o755);
  const command = commandOf(user, tun);
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
