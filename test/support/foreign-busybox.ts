// Debian's static busybox of another architecture, fetched with apt but without changing what apt knows
// about this machine, and handlers of the kernel for such programs.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianMirror } from './real-base.ts';

/** Path of `bin/busybox` below `dir`. */
export function fetchBusybox(architecture: string, dir: string): string {
  const state = join(dir, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'parts']) mkdirSync(join(state, part), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  writeFileSync(join(state, 'sources.list'), `deb [trusted=yes arch=${architecture}] ${debianMirror()} bookworm main\n`);
  const settings = {
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    'Dir::Etc::sourcelist': join(state, 'sources.list'),
    'Dir::Etc::sourceparts': join(state, 'parts'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...args: string[]): Buffer =>
    execFileSync('apt-get', ['-qq', ...options, ...args], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  apt('update');
  apt('download', 'busybox-static');
  const archive = readdirSync(dir).find((name) => name.endsWith('.deb')) ?? '';
  execFileSync('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: dir });
  return join(dir, 'unpacked/bin/busybox');
}

/** Whether this machine runs programs of the architecture (qemu's name for it) already. */
export const hasMachineHandler = (qemu: string): boolean => existsSync(`/proc/sys/fs/binfmt_misc/qemu-${qemu}`);

/** A handler for the whole machine, as qemu-user-static and binfmt-support register it; `remove` takes it away again. */
export function registerHandler(name: string, line: string): { remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-binfmt-'));
  execFileSync('mount', ['-t', 'binfmt_misc', 'none', directory]);
  const end = (): void => {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    writeFileSync(join(directory, 'register'), line);
  } catch (error) {
    end();
    throw error;
  }
  return {
    remove() {
      writeFileSync(join(directory, name), '-1');
      end();
    },
  };
}
