// Real base images made on this machine from the sources it installs its own packages from: Debian by
// mmdebstrap, and Node's on top of it. tsbuild itself turns them into images.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOME } from './cli.ts';

/** First Debian mirror of apt's configuration. */
export function debianMirror(apt = '/etc/apt'): string {
  const parts = existsSync(join(apt, 'sources.list.d')) ? readdirSync(join(apt, 'sources.list.d')).sort() : [];
  const files = [...parts.map((name) => join('sources.list.d', name)), 'sources.list'].map((name) => join(apt, name)).filter(existsSync);
  for (const text of files.map((path) => readFileSync(path, 'utf8'))) {
    const url = /^URIs:\s*(\S+)/m.exec(text)?.[1] ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/m.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`${apt} names no package source`);
}

/** The context of a Debian base: debian.tar and a Dockerfile that unpacks it. */
export function writeDebianContext(dir: string): void {
  const exclude = ['doc', 'man', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const sources = `deb [trusted=yes] ${debianMirror()} bookworm main`;
  const options = [
    '--quiet',
    '--variant=minbase',
    '--components=main',
    '--include=ca-certificates',
    '--dpkgopt=force-unsafe-io',
    ...exclude,
  ];
  execFileSync('mmdebstrap', [...options, 'bookworm', join(dir, 'debian.tar'), sources], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: workplace() },
  });
}

const GIB = 2 ** 30;

/** Memory where there is enough: installing packages waits for the disk most of the time. */
function workplace(): string {
  if (!existsSync('/dev/shm')) return tmpdir();
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize > 2 * GIB ? '/dev/shm' : tmpdir();
}

export const DEBIAN_DOCKERFILE = 'FROM scratch\nADD debian.tar /\nCMD ["bash"]\n';

/** The context of a Node base: Node of this project and the npm of this machine below root/. */
export function writeNodeContext(dir: string): void {
  const local = join(dir, 'root/usr/local');
  mkdirSync(join(local, 'bin'), { recursive: true });
  copyFileSync(join(HOME, 'node_modules/node/bin/node'), join(local, 'bin/node'));
  chmodSync(join(local, 'bin/node'), 0o755);
  const program = execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim();
  const npm = join(program, '../..');
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, dereference: true });
  for (const name of ['npm', 'npx']) symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
}
export const nodeDockerfile = (debian: string): string => `FROM ${debian}\nCOPY root/ /\nENV NODE_VERSION=24\nCMD ["node"]\n`;
