// A container as `docker run` gives by default: its capabilities, its whole seccomp profile, masked paths, and an
// overlay as root file system. The configuration is the one steps get, which is Docker's.
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleConfig, DEFAULT_SHM, serializeBundle } from '../../src/executor/sandbox/bundle.ts';
import { stepCapabilities } from '../../src/executor/sandbox/confinement/capabilities.ts';
import { ociProfile } from '../../src/executor/sandbox/confinement/seccomp.ts';
import { findBusybox } from './busybox-root.ts';

const APPLETS = ['sh', 'env', 'cat', 'grep', 'unshare', 'mount'];

export interface PlainContainer {
  /** Runs a shell script in a container of its own on the same files. */
  run(script: string): SpawnSyncReturns<string>;
  remove(): void;
}

/** `binds`: directory of this machine by its path inside, read-only. Its libraries are there, for node. */
export function openPlainContainer(binds: Readonly<Record<string, string>>): PlainContainer {
  const dir = mkdtempSync('/var/tmp/tsbuild-inside-');
  for (const part of ['lower/bin', 'lower/tmp', 'upper', 'work', 'rootfs']) mkdirSync(join(dir, part), { recursive: true });
  cpSync(findBusybox() ?? '', join(dir, 'lower/bin/busybox'));
  chmodSync(join(dir, 'lower/bin/busybox'), 0o755);
  for (const name of APPLETS) symlinkSync('busybox', join(dir, 'lower/bin', name));
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', 'lowerdir=lower,upperdir=upper,workdir=work', 'rootfs'], { cwd: dir });
  const libraries = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).map((path): [string, string] => [path, path]);
  const mounts = [...libraries, ...Object.entries(binds)].map(([destination, source]) => ({
    destination,
    source,
    type: 'bind',
    options: ['rbind', 'ro'],
  }));
  let count = 0;
  return {
    run(script) {
      const config = bundleConfig({
        rootfs: join(dir, 'rootfs'),
        args: ['/bin/sh', '-c', script],
        env: ['PATH=/bin:/usr/bin', 'HOME=/root'],
        cwd: '/',
        user: { uid: 0, gid: 0, groups: [] },
        hostname: 'plain',
        capabilities: stepCapabilities('sandbox', (1n << 41n) - 1n),
        rlimits: [],
        mounts,
        network: { type: 'new' },
        insecure: false,
        rootless: false,
        ownGroup: true,
        singleId: false,
        shmSize: DEFAULT_SHM,
        seccomp: { profile: ociProfile(process.arch) },
      });
      writeFileSync(join(dir, 'config.json'), serializeBundle(config));
      count += 1;
      const name = `tsbuild-inside-${process.pid}-${count}`;
      return spawnSync('runc', ['--root', join(dir, 'state'), 'run', '--bundle', dir, name], { encoding: 'utf8' });
    },
    remove() {
      spawnSync('umount', ['-l', join(dir, 'rootfs')]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
